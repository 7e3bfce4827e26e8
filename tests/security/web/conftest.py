"""Who attacks the web UI, and the worlds in which they may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import Celery

from tests.support.endpoints import World
from tests.support.web import Finder
from tests.support.web_fixtures import *  # noqa: F403


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path, celery: Celery) -> Iterator[dict[str, World]]:
    """One for each way Ann shares her collection."""
    ways = ("other, private", "other, shared", "other, invited")
    made = {way: World(tmp_path_factory.mktemp("world"), celery, way, template=migrated_file) for way in ways}
    yield made
    for each in made.values():
        each.close()


@pytest.fixture
def world_for(worlds: dict[str, World], search_worker: list[Finder]) -> Callable[[str], World]:
    """The world in which this column of the matrix holds, as it was made."""

    def restored(who: str) -> World:
        world = worlds[who if who in worlds else "other, private"]
        world.reset()
        search_worker.append(Finder(world.version))
        return world

    return restored


@pytest.fixture
def world(world_for: Callable[[str], World]) -> World:
    return world_for("owner")
