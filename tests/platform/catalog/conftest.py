"""A catalog without tables, on both databases."""

from inspect import unwrap

import pytest

from mindreader.catalog import Catalog


@pytest.fixture(autouse=True)
def true_migrations(monkeypatch):
    """Not copies of what they made before, as all other tests have it."""
    monkeypatch.setattr(Catalog, "migrate", unwrap(Catalog.migrate))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_catalog(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/catalog.sqlite3"
    else:
        url = request.getfixturevalue("empty_postgres_url")
    catalog = Catalog(url)
    yield catalog
    catalog.close()
