"""Print the OpenAPI document of the HTTP API, for `openapi-typescript`; nothing is served and no database is needed."""

import json
import sys
from tempfile import TemporaryDirectory

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog
from mindreader.settings import load_settings
from mindreader_webui.app import create_app
from mindreader_webui.services import Services
from mindreader_workers.celery_app import make_celery

with TemporaryDirectory() as folder:
    settings = load_settings({"MINDREADER_DATA_DIR": folder})
    services = Services(settings, Catalog(settings.catalog_url), BlobStore(folder), make_celery(settings))
    json.dump(create_app(services).api_doc, sys.stdout)
