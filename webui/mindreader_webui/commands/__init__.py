"""The web UI's share of the command line: `serve`, and the clients of a running server."""

from mindreader_webui.commands.folders import folders
from mindreader_webui.commands.health import health
from mindreader_webui.commands.import_photos import import_photos
from mindreader_webui.commands.jobs import jobs
from mindreader_webui.commands.migrate import migrate
from mindreader_webui.commands.models import models
from mindreader_webui.commands.search import search
from mindreader_webui.commands.serve import serve

__all__ = ["folders", "health", "import_photos", "jobs", "migrate", "models", "search", "serve"]
