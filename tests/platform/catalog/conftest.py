"""A catalog without tables, on both databases."""

import pytest

from mindreader.catalog import Catalog


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_catalog(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/catalog.sqlite3"
    else:
        url = request.getfixturevalue("postgres_url")
    catalog = Catalog(url)
    yield catalog
    catalog.migrate("base")
    catalog.close()
