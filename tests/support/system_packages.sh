#!/bin/sh
# The tests start real servers and a real browser. Install what is missing where that is possible (root on
# Debian), else say what is missing: the tests that need it are then skipped, each saying why.
set -eu
missing=""
command -v redis-server >/dev/null || missing="$missing redis-server"
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || command -v postgres >/dev/null || missing="$missing postgresql"
# The shell is Chromium without the windows of a browser: the tests of pages take half the work with it.
command -v chromium >/dev/null || command -v chromium-headless-shell >/dev/null || missing="$missing chromium-headless-shell"
installs=""
[ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || installs=yes
if [ -z "$missing" ]; then
    # Where there is a Chromium already, the shell is welcome and not needed: nothing is removed or waited long for.
    shell="--assume-yes --quiet=2 --no-install-recommends --no-remove chromium-headless-shell"
    if [ -n "$installs" ] && ! command -v chromium-headless-shell >/dev/null && apt-cache show chromium-headless-shell >/dev/null 2>&1; then
        # shellcheck disable=SC2086  # a list of words
        { timeout 120 apt-get install --download-only $shell && DEBIAN_FRONTEND=noninteractive apt-get install --no-download $shell; } >/dev/null 2>&1 ||
            echo "chromium-headless-shell could not be installed: the tests of pages take Chromium, which is slower" >&2
    fi
    exit 0
fi
if [ -n "$installs" ]; then
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "Missing for some tests:$missing. On Debian: sudo apt-get install$missing" >&2
fi
