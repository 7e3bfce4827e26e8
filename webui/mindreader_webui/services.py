"""What the web needs of the rest of MindReader; free of torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import celery
from flask import Flask, current_app
from sqlalchemy.orm import Session

from mindreader.blobs import BlobStore
from mindreader.catalog import Catalog
from mindreader.settings import Settings
from mindreader_workers.client import wake_embedders

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


@contextmanager
def change() -> Iterator[Session]:
    """A transaction that may leave work for the embed workers: once it is committed, they are woken.

    Work is photos to embed, labels to tell the index, and what was deleted to purge. What concerns a person alone
    (their tokens, sketches, searches) leaves none and takes a plain `catalog.transaction()`.
    """
    services = current_services()
    with services.catalog.transaction() as session:
        yield session
    wake_embedders(services.celery)
