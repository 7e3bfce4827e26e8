"""A catalog with people, on SQLite and where it matters on PostgreSQL too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mindreader.blobs import BlobStore
from mindreader.bundles import Bundle, BundleManifest, write_bundle
from mindreader.bundles.manifest import WEIGHT_FILES
from mindreader.catalog import Catalog, Role, User
from mindreader.networks.descriptions import SpaceDescription, encoder_description
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import Settings
from tests.support.bundles import register_and_open
from tests.support.databases import copy_template

MakeUser = Callable[..., User]
MakeBundle = Callable[..., Bundle]


@pytest.fixture(params=["sqlite", "postgresql"])
def any_catalog(request: pytest.FixtureRequest, tmp_path: Path, migrated_file: Path) -> Iterator[Catalog]:
    if request.param == "sqlite":
        catalog = Catalog(f"sqlite:///{tmp_path}/any.sqlite3")
        copy_template(migrated_file, catalog)
    else:
        catalog = Catalog(request.getfixturevalue("migrated_postgres_url"))
    yield catalog
    catalog.close()


def add_user(catalog: Catalog, name: str, role: Role = Role.MEMBER) -> User:
    """A user who cannot sign in: hashing passwords is slow, and most tests need none."""
    user = User(name=name, password_hash="!", role=role)
    with catalog.transaction() as session:
        session.add(user)
    return user


@pytest.fixture
def ann(catalog: Catalog) -> User:
    return add_user(catalog, "Ann")


@pytest.fixture
def bob(catalog: Catalog) -> User:
    return add_user(catalog, "Bob")


@pytest.fixture
def admin(catalog: Catalog) -> User:
    return add_user(catalog, "Root", Role.ADMIN)


@pytest.fixture
def make_bundle(tmp_path: Path) -> MakeBundle:
    def make(name: str, photo_encoder: str = "efficientnet-lite0", folder: Path | None = None) -> Bundle:
        return write_bundle(folder or tmp_path / name, _manifest(name, photo_encoder), _weights(name), "# Card")

    return make


@pytest.fixture
def space_id(catalog: Catalog, blobs: BlobStore, settings: Settings, make_bundle: MakeBundle) -> int:
    return register_and_open(catalog, blobs, settings, make_bundle("first")).space_id


def _weights(name: str) -> dict[str, bytes]:
    # Registering reads the manifest and the checksums only; what the weights say does not matter here.
    return {file: f"weights of {name}".encode() for file in WEIGHT_FILES}


def _manifest(name: str, photo_encoder: str) -> BundleManifest:
    space = SpaceDescription(encoder_description(photo_encoder))
    return BundleManifest.model_validate(
        {
            "name": name,
            "preset": "tiny",
            "space": {"photo_encoder": photo_encoder, "key": space.key, "description": space.as_json()},
            "generator": {
                "image_size": 64,
                "base_channels": 4,
                "upsampling": "resize",
                "norm": "group",
                "condition": 0,
            },
            "query_encoder": {"architecture": photo_encoder, "input_size": 64, "sketch_weight": 0},
            "files": {},
            "training": {"command": "", "data": "", "steps": 0, "hours": 0, "hardware": "", "seed": 0},
            "metrics": [{"precision@20": 0.5}],
        }
    )


@pytest.fixture
def indexes(settings):
    indexes = PhotoIndexes(settings)
    yield indexes
    indexes.close()
