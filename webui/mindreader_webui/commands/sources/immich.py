"""Photos from an Immich: albums become collections, and what is here already is not fetched again."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Literal
from uuid import UUID

from mindreader.library.files.origins import Origin, OriginKind
from mindreader_webui.commands.client import ApiClient
from mindreader_webui.commands.files import FileRefusedError, FoundFile
from mindreader_webui.commands.import_report import Report
from mindreader_webui.commands.sources.immich_api import ImmichApi
from mindreader_webui.commands.sources.immich_assets import Asset
from mindreader_webui.commands.sources.portions import Portion, collection_named
from mindreader_webui.commands.uploading import BYTES_PER_REQUEST, FILES_PER_REQUEST, Uploader


@dataclass(frozen=True)
class _Named:
    """A file under another name than its own."""

    file: Path
    name: str

    def open(self, mode: Literal["rb"], /) -> BinaryIO:
        return self.file.open(mode)


@dataclass(frozen=True)
class ImmichSource:
    """All photos of one user of an Immich."""

    immich: ImmichApi
    api: ApiClient
    collection: str
    """For photos in no album."""
    report: Report
    everywhere: bool
    """Also put photos in no album there that another collection of the user's has."""
    largest_file: float
    """Bytes of the largest file that is fetched."""
    seen: set[UUID] = field(default_factory=set)
    """What a page had already; photos that come meanwhile shift the next one."""

    @cached_property
    def albums(self) -> dict[UUID, list[str]]:
        """Names of the collections for each asset that is in albums."""
        names: dict[UUID, list[str]] = {}
        for album, ids in self.immich.albums():
            name = collection_named(album, self.collection)
            for asset_id in ids:
                in_albums = names.setdefault(asset_id, [])
                if name not in in_albums:
                    in_albums.append(name)
        return names

    @cached_property
    def total(self) -> int | None:
        """Photos and videos, those in several albums as often."""
        count = self.immich.count()
        return None if count is None else count + sum(len(names) - 1 for names in self.albums.values())

    def portions(self) -> Iterator[Portion]:
        """Page by page, as Immich lists them; of each page, collection by collection."""
        owner = self.immich.me()
        for page in self.immich.pages():
            assets = [asset for asset in page if asset.id not in self.seen]
            self.seen.update(asset.id for asset in assets)
            wanted = [asset for asset in assets if not self._is_left_aside(asset, owner)]
            yield Portion(self.collection, (), passed_over=len(assets) - len(wanted))
            for name, members in self._by_collection(wanted).items():
                yield from self._into(name, members)

    def _is_left_aside(self, asset: Asset, owner: UUID) -> bool:
        reason = asset.why_left_aside(owner)
        if reason:
            self.report.count("left_aside", reason)
        return reason is not None

    def _by_collection(self, assets: Sequence[Asset]) -> dict[str, list[Asset]]:
        members: dict[str, list[Asset]] = {}
        for asset in assets:
            for name in self.albums.get(asset.id, [self.collection]):
                members.setdefault(name, []).append(asset)
        return members

    def _into(self, name: str, assets: Sequence[Asset]) -> Iterator[Portion]:
        new: list[Asset] = []
        copies: list[int] = []
        here = self._here(assets)
        for asset in assets:
            photos = here.get(str(asset.id), [])
            if not photos:
                new.append(asset)
            elif all(photo["collection"] != name for photo in photos) and self._may_copy(asset):
                copies.append(photos[0]["photo_id"])
            else:
                self._note_duplicate(name, photos)
        is_album = any(asset.id in self.albums for asset in assets)
        yield Portion(name, (), is_album, len(assets) - len(new), copies)
        for batch in _batches(new):
            yield from self._fetched(name, is_album, batch)

    def _may_copy(self, asset: Asset) -> bool:
        """An album has all of its photos; the others need not be in two collections."""
        return asset.id in self.albums or self.everywhere

    def _note_duplicate(self, name: str, photos: Sequence[dict[str, Any]]) -> None:
        self.report.duplicate += 1
        if all(photo["collection"] != name for photo in photos):
            self.report.count("elsewhere", photos[0]["collection"])

    def _here(self, assets: Sequence[Asset]) -> dict[str, list[dict[str, Any]]]:
        """Photos in the user's collections that come from these, by their ids there."""
        asked = {"kind": OriginKind.IMMICH, "ids": [str(asset.id) for asset in assets]}
        here: dict[str, list[dict[str, Any]]] = {}
        for photo in self.api.post("/origins/existing", json=asked)["existing"]:
            here.setdefault(photo["id"], []).append(photo)
        return here

    def _fetched(self, name: str, is_album: bool, assets: Sequence[Asset]) -> Iterator[Portion]:
        """A batch whose files lie on the disk until they are sent."""
        with tempfile.TemporaryDirectory(prefix="mindreader-immich-") as folder:
            files = [file for asset in assets if (file := self._file(asset, Path(folder)))]
            yield Portion(name, files, is_album, len(assets) - len(files))

    def _file(self, asset: Asset, folder: Path) -> FoundFile | None:
        path = folder / str(asset.id)
        try:
            size = self.immich.download(asset, path, self.largest_file)
        except FileRefusedError as error:
            path.unlink(missing_ok=True)
            self.report.reject(asset.filename, error.detail)
            return None
        return FoundFile(
            _Named(path, asset.filename or "photo"),
            asset.filename,
            "",
            size,
            asset.created.timestamp(),
            origin=Origin(OriginKind.IMMICH, str(asset.id), self.immich.page_of(asset)),
            taken_at=asset.taken_at,
        )


@contextmanager
def immich_source(
    url: str, api_key: str, uploader: Uploader, collection: str, say: Callable[[str], object]
) -> Iterator[ImmichSource]:
    """The photos of the user whose key it is, on their way to where the uploader sends them.

    Args:
        collection: for photos in no album.
        say: is told of trouble that may pass.

    Raises:
        ImmichError: there is no Immich, it is too old, or does not take the key.
    """
    with ImmichApi(url, api_key, say) as immich:
        immich.check_version()
        largest = uploader.rules.largest_file
        yield ImmichSource(immich, uploader.api, collection, uploader.report, uploader.everywhere, largest)


def _batches(assets: Sequence[Asset]) -> Iterator[list[Asset]]:
    """As many as are sent together."""
    batch: list[Asset] = []
    size = 0
    for asset in assets:
        if batch and (len(batch) == FILES_PER_REQUEST or size + asset.size > BYTES_PER_REQUEST):
            yield batch
            batch, size = [], 0
        batch.append(asset)
        size += asset.size
    if batch:
        yield batch
