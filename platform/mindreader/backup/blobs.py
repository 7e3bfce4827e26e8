"""Take blobs into a backup, each checked; one that cannot be taken is a problem with a name, not the end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from mindreader.backup.folder import BackupFolder, DamagedBlobError
from mindreader.blobs import BlobStore, sha256_of
from mindreader.errors import NotFoundError

ORIGINALS, THUMBNAILS, SKETCHES, BUNDLES = "originals", "thumbnails", "sketches", "bundles"
PREVIEWS = "previews"
"""In no backup: they are made again when somebody looks at them."""
_SHA256_DIGITS = 64


@dataclass(frozen=True)
class CopyResult:
    """What became of one blob."""

    key: str
    size: int = 0
    is_new: bool = False
    is_missing: bool = False
    problem: str = ""


class BlobCopier:
    """Copies blobs of a store into a backup, or only sees that they are there."""

    def __init__(self, blobs: BlobStore, folder: BackupFolder, *, reference: bool) -> None:
        self._blobs, self._folder, self._reference = blobs, folder, reference
        self.kept: dict[str, int] = {}
        """Key and bytes of every blob that belongs to the backup."""
        self.new: dict[str, int] = {}
        """Those that were not there before."""

    def copy(self, key: str, size: int | None = None) -> CopyResult:
        """Take one blob; threads may share this.

        Args:
            size: its bytes, where the catalog knows them: then one that the backup has is not looked at again.

        Raises:
            OSError: the backup cannot be written.
        """
        taken = self._look(key, size) if self._reference else self._copy(key, size)
        if not taken.is_missing and not taken.problem:
            self.kept[key] = taken.size
        if taken.is_new:
            self.new[key] = taken.size
        return taken

    def _look(self, key: str, size: int | None) -> CopyResult:
        try:
            found = self._blobs.size(key)
        except NotFoundError:
            return CopyResult(key, is_missing=True)
        if size not in (None, found):
            return CopyResult(key, problem=f"{key} has {found} bytes instead of {size}.")
        return CopyResult(key, found)

    def _copy(self, key: str, size: int | None) -> CopyResult:
        try:
            wanted = self._blobs.size(key) if size is None else size
            if self._has(key, wanted):
                return CopyResult(key, wanted)
            return CopyResult(key, self._folder.copy_in(key, self._blobs), is_new=True)
        except NotFoundError:
            return CopyResult(key, is_missing=True)
        except DamagedBlobError as error:
            return CopyResult(key, problem=error.detail)

    def _has(self, key: str, size: int) -> bool:
        """Whether the backup has the blob; what is under a name that follows from its content need not be read."""
        mine = self._folder.blobs
        if not mine.exists(key) or mine.size(key) != size:
            return False
        return not is_listed(key) or stored_sha256(mine, key) == stored_sha256(self._blobs, key)


def belonging(keys: Iterable[str], photos: Collection[str]) -> Iterator[str]:
    """All keys but those of originals, of previews, and of thumbnails of other photos than these (by SHA-256)."""
    for key in keys:
        folder = key.partition("/")[0]
        is_strange = folder == THUMBNAILS and key.rpartition("/")[2][:_SHA256_DIGITS] not in photos
        if folder not in (ORIGINALS, PREVIEWS) and not is_strange:
            yield key


def stored_sha256(blobs: BlobStore, key: str) -> str:
    """SHA-256 of a blob's bytes.

    Raises:
        NotFoundError: nothing lies under the key.
    """
    with blobs.open(key) as file:
        return sha256_of(file)


def is_listed(key: str) -> bool:
    """Whether `backup.json` holds the blob's checksum: its name does not tell, and it cannot be made again."""
    return key.partition("/")[0] not in (ORIGINALS, THUMBNAILS, SKETCHES)
