"""The `mindreader` command and those of its sub-commands that need no web server."""
