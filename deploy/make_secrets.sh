#!/bin/sh
# Passwords and keys for docker-compose.yml, made once; what is there already stays as it is.
set -eu
umask 077
folder=${1:-"$(dirname "$0")/secrets"}
mkdir -p "$folder"
word() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
keep() { [ -e "$folder/$1" ] || printf '%s' "$2" > "$folder/$1"; }
keep postgres_password "$(word)"
keep database_url "postgresql://mindreader:$(cat "$folder/postgres_password")@postgres:5432/mindreader"
keep qdrant_api_key "$(word)"
keep qdrant_config.yaml "service: { api_key: \"$(cat "$folder/qdrant_api_key")\" }
"
keep s3_credentials "[default]
# aws_access_key_id = …
# aws_secret_access_key = …
"
# The services run as users of their own, which have to read the files; the folder keeps everybody else out.
chmod 0644 "$folder"/*
chmod 0700 "$folder"
