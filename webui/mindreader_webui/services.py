"""What the web needs of the rest of MindReader; free of torch."""

from __future__ import annotations

from dataclasses import dataclass

import celery
from flask import Flask, current_app

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog
from mindreader.settings import Settings

_EXTENSION = "mindreader"


@dataclass(frozen=True)
class Services:
    """Settings and connections of one server, shared by all its threads."""

    settings: Settings
    catalog: Catalog
    blobs: BlobStore
    celery: celery.Celery


def attach(app: Flask, services: Services) -> None:
    """Give the Flask app its services."""
    app.extensions[_EXTENSION] = services


def current_services() -> Services:
    """The services of the app that answers this request."""
    services: Services = current_app.extensions[_EXTENSION]
    return services
