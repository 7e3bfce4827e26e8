"""The web UI: Flask app, HTTP API, pages."""
