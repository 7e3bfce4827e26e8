"""Bundles of registered model versions, kept in the blob store: an upgrade, or a folder moved away, loses none."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from mindreader.blobs import BlobStore
from mindreader.bundles.manifest import PROJECTION_FILE, WEIGHT_FILES
from mindreader.bundles.storage import MANIFEST_FILE, MODEL_CARD_FILE, Bundle, read_bundle
from mindreader.errors import BundleError, NotFoundError, NotReadyError

_FILES = (MANIFEST_FILE, *WEIGHT_FILES, PROJECTION_FILE, MODEL_CARD_FILE)


class BundleStore:
    """The bundles in a blob store, by their SHA-256; workers on other machines fetch each of them once."""

    def __init__(self, blobs: BlobStore, cache: Path) -> None:
        """Look at a blob store.

        Args:
            cache: folder for copies, where the store is not on this machine's disk.
        """
        self._blobs, self._cache = blobs, cache

    def keep(self, bundle: Bundle) -> None:
        """Copy a bundle's files into the store, unless they are there in order."""
        try:
            self.read(bundle.sha256, bundle.manifest.name)
            return
        except NotReadyError:
            self.remove(bundle.sha256)
        # The manifest last: a bundle is there whole or not at all.
        for name in reversed(_FILES):
            if (path := bundle.folder / name).exists():
                self._blobs.put_file(_key(bundle.sha256, name), path)

    def read(self, sha256: str, name: str) -> Bundle:
        """A kept bundle, its checksums found in order.

        Args:
            name: of the model version, for what goes wrong.

        Raises:
            NotReadyError: it is gone or damaged.
        """
        try:
            folder = self._folder(sha256)
            bundle = read_bundle(folder)
        except (NotFoundError, BundleError) as error:
            raise NotReadyError(
                f"The bundle of model version {name} cannot be read. Add the same bundle again, or activate another "
                "version."
            ).with_inside(error.detail) from None
        if bundle.sha256 != sha256:
            raise NotReadyError(f"Another bundle lies where that of model version {name} was. Add it again.")
        return bundle

    def remove(self, sha256: str) -> None:
        """Remove a bundle's files; those of one that is not there are fine."""
        for name in _FILES:
            self._blobs.delete(_key(sha256, name))
        shutil.rmtree(self._cache / sha256, ignore_errors=True)

    def _folder(self, sha256: str) -> Path:
        manifest = self._blobs.local_path(_key(sha256, MANIFEST_FILE))
        if manifest is not None:
            return manifest.parent
        folder = self._cache / sha256
        if not folder.is_dir():
            self._fetch(sha256, folder)
        return folder

    def _fetch(self, sha256: str, folder: Path) -> None:
        fresh = folder.with_name(f".{sha256}-{uuid.uuid4().hex}")
        fresh.mkdir(parents=True)
        try:
            for name in _FILES:
                if self._blobs.exists(key := _key(sha256, name)):
                    with self._blobs.open(key) as source, (fresh / name).open("wb") as target:
                        shutil.copyfileobj(source, target)
            read_bundle(fresh)
            fresh.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was quicker
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def _key(sha256: str, name: str) -> str:
    return f"bundles/{sha256}/{name}"
