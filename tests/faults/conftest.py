"""Whole MindReaders to break."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mindreader.bundles import Bundle
from tests.support.deployments import DEPLOYMENTS, Embedded
from tests.support.services import postgres_programs

Deploy = Callable[..., Embedded]


@pytest.fixture
def deploy(tmp_path: Path, quick_bundle: Bundle) -> Iterator[Deploy]:
    """Starts a MindReader on the stores named, the quick bundle answering."""
    yield from _deploy(tmp_path, quick_bundle)


@pytest.fixture(scope="module")
def deploy_for_module(tmp_path_factory: pytest.TempPathFactory, quick_bundle: Bundle) -> Iterator[Deploy]:
    """The same, for tests that break one MindReader one after the other."""
    yield from _deploy(tmp_path_factory.mktemp("deployed"), quick_bundle)


def _deploy(folder: Path, quick_bundle: Bundle) -> Iterator[Deploy]:
    deployed: list[Embedded] = []

    def start(stores: str, *, started: bool = True, **options: Any) -> Embedded:
        if stores == "services" and not (shutil.which("redis-server") and postgres_programs()):
            pytest.skip("Redis or PostgreSQL is not installed: `make system-packages`")
        deployed.append(DEPLOYMENTS[stores](folder / stores, **options))
        deployed[-1].install(quick_bundle)
        if started:
            deployed[-1].start()
        return deployed[-1]

    yield start
    for each in deployed:
        each.close()
