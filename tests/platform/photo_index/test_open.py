"""Which index a space gets, and that a process opens each one once."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mindreader.errors import ConflictError, IndexMismatchError, InvalidInputError, NotReadyError
from mindreader.photo_index import IndexPoint, PhotoIndex, PhotoIndexes, open_photo_index
from mindreader.photo_index import open as opening
from mindreader.photo_index.edge import EdgePhotoIndex
from mindreader.settings import Settings

POINT = IndexPoint(1, np.ones(8, np.float32), 1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def indexes(settings: Settings) -> Iterator[PhotoIndexes]:
    opened = PhotoIndexes(settings)
    yield opened
    opened.close()


def test_without_a_server_the_index_lies_in_the_data_folder(settings: Settings) -> None:
    index = open_photo_index(settings, "space-a", 8)
    assert isinstance(index, EdgePhotoIndex)
    assert (settings.index_dir / "space-a" / "segments").is_dir()
    index.close()


def test_with_a_server_the_server_is_asked_and_no_folder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_RETRIES", 0)  # that it is asked again is tested in test_server_requests.py
    settings = Settings(data_dir=tmp_path, qdrant_url="http://127.0.0.1:9", qdrant_timeout=0.5)
    with pytest.raises(NotReadyError, match="mindreader-space-a"):
        open_photo_index(settings, "space-a", 8)
    with pytest.raises(NotReadyError, match="mindreader-space-a"):
        PhotoIndexes(settings).drop("space-a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["", "..", "../other", "a/b", "a\\b", ".hidden", "a b", "ä", "a\n", "x" * 101])
def test_a_key_that_could_leave_the_index_folder_is_refused(settings: Settings, key: str) -> None:
    with pytest.raises(InvalidInputError, match="embedding space"):
        open_photo_index(settings, key, 8)
    with pytest.raises(InvalidInputError, match="embedding space"):
        PhotoIndexes(settings).drop(key)
    assert list(settings.data_dir.iterdir()) == []


def test_all_threads_share_one_open_index(indexes: PhotoIndexes) -> None:
    barrier = threading.Barrier(8)
    got: list[PhotoIndex] = []

    def get() -> None:
        barrier.wait()
        got.append(indexes.get("space-a", 8))

    threads = [threading.Thread(target=get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len({id(index) for index in got}) == 1


def test_each_space_has_its_own_index(indexes: PhotoIndexes) -> None:
    indexes.get("space-a", 8).upsert([POINT])
    assert indexes.get("space-b", 4).count() == 0
    assert indexes.get("space-a", 8).count() == 1


def test_one_space_cannot_have_two_dimensions(indexes: PhotoIndexes) -> None:
    indexes.get("space-a", 8)
    with pytest.raises(IndexMismatchError, match=r"8-dimensional.*9 dimensions"):
        indexes.get("space-a", 9)


@dataclass(frozen=True)
class Space:
    """What of an embedding space says which index is its own."""

    key: str
    dimension: int
    has_regions: bool


def test_a_space_s_index_is_as_the_space_says(indexes: PhotoIndexes) -> None:
    plain, regional = Space("plain", 8, False), Space("regional", 4, True)
    assert indexes.of(plain) is indexes.get("plain", 8)
    index = indexes.of(regional)
    assert (index.dimension, index.has_regions) == (4, True)
    assert index is indexes.get("regional", 4, regions=True)


def test_an_open_index_is_not_given_out_as_one_of_the_other_kind(indexes: PhotoIndexes) -> None:
    indexes.of(Space("space-a", 8, True)).upsert([POINT])
    with pytest.raises(IndexMismatchError, match="regions of each photo, but this embedding space has none"):
        indexes.get("space-a", 8)
    assert indexes.of(Space("space-a", 8, True)).count() == 1


def test_a_dropped_index_is_gone_and_its_old_handle_says_so(settings: Settings, indexes: PhotoIndexes) -> None:
    old = indexes.get("space-a", 8)
    old.upsert([POINT])
    indexes.drop("space-a")
    assert not (settings.index_dir / "space-a").exists()
    with pytest.raises(NotReadyError):
        old.count()
    assert indexes.get("space-a", 8).count() == 0


def test_dropping_what_is_not_there_is_fine(indexes: PhotoIndexes) -> None:
    indexes.drop("space-a")
    assert indexes.get("space-a", 8).count() == 0


def test_an_index_nobody_opened_yet_can_be_dropped_for_another_dimension(indexes: PhotoIndexes) -> None:
    indexes.get("space-a", 8).upsert([POINT])
    indexes.close()
    indexes.drop("space-a")
    assert indexes.get("space-a", 16).count() == 0


def test_an_index_open_elsewhere_is_not_dropped(settings: Settings, indexes: PhotoIndexes) -> None:
    other = open_photo_index(settings, "space-a", 8)
    other.upsert([POINT])
    with pytest.raises(ConflictError, match="already open"):
        indexes.drop("space-a")
    assert other.count() == 1
    other.close()


def test_after_closing_everything_can_be_opened_again(settings: Settings, indexes: PhotoIndexes) -> None:
    indexes.get("space-a", 8).upsert([POINT])
    indexes.close()
    other = open_photo_index(settings, "space-a", 8)
    assert other.count() == 1
    other.close()
    assert indexes.get("space-a", 8).count() == 1


def test_the_embedded_default_never_loads_the_server_client() -> None:
    program = "import sys, mindreader.photo_index; sys.exit('qdrant_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
