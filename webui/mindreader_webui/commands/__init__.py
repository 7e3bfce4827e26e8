"""The web UI's share of the command line: `serve`, and the clients `import` and `search`."""

from mindreader_webui.commands.import_photos import import_photos
from mindreader_webui.commands.search import search
from mindreader_webui.commands.serve import serve

__all__ = ["import_photos", "search", "serve"]
