"""Bundles from outside: a zip file or a folder is copied into a folder of our own, or refused by name.

Nothing an archive says is trusted. Only files a bundle has are ever written, under names that stand in this program,
and no more bytes than they may have; other files, such as the figures of a model card, stay where they are.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from mindreader.bundles.sources import MAX_BYTES, check_size, files_of, readable
from mindreader.bundles.storage import MANIFEST_FILE, MODEL_CARD_FILE, Bundle, read_bundle
from mindreader.bundles.weight_files import check_weight_files
from mindreader.errors import BundleError

_CHUNK_BYTES = 2**20


def unpack_bundle(source: Path, into: Path, name: str = "") -> Bundle:
    """Copy a bundle from outside into a new folder, and check everything that can be checked without its networks.

    Whatever is refused, `into` is gone again afterwards.

    Args:
        source: zip file or folder.
        into: folder that does not exist yet.
        name: what the person who brings it calls the source, where that is not its own name.

    Raises:
        BundleError: something is refused; the message names the file and why.
        FileExistsError: `into` exists.
    """
    into.mkdir(parents=True)
    try:
        _copy(source, into, name or source.name)
        bundle = read_bundle(into)
        _check_no_strays(bundle)
        check_weight_files(bundle)
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise
    return bundle


def pack_bundle(bundle: Bundle, path: Path) -> None:
    """Write a bundle as a zip file that `unpack_bundle` takes; the same bundle always gives the same bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in (MANIFEST_FILE, MODEL_CARD_FILE, *sorted(bundle.manifest.files)):
            if (file := bundle.folder / name).is_file():
                _pack(archive, file)


def _pack(archive: zipfile.ZipFile, file: Path) -> None:
    entry = zipfile.ZipInfo(file.name)  # dated 1980, whenever it is packed
    entry.create_system, entry.external_attr = 3, (stat.S_IFREG | 0o644) << 16
    entry.file_size = file.stat().st_size
    # Weights look random: deflating them takes long and saves little.
    entry.compress_type = zipfile.ZIP_STORED if file.suffix == ".safetensors" else zipfile.ZIP_DEFLATED
    with file.open("rb") as source, archive.open(entry, "w") as target:
        shutil.copyfileobj(source, target, _CHUNK_BYTES)


def _copy(source: Path, into: Path, source_name: str) -> None:
    with files_of(source, source_name) as files:
        if MANIFEST_FILE not in files:
            raise BundleError(
                f"There is no {MANIFEST_FILE} in {source_name}. A bundle is a folder with a {MANIFEST_FILE}, or a zip "
                "file of such a folder."
            )
        for name in MAX_BYTES:
            if name in files:
                with (into / name).open("xb") as target:
                    target.writelines(_chunks(name, files[name]))


def _chunks(name: str, opened: Callable[[], IO[bytes]]) -> Iterator[bytes]:
    """The bytes of a file, up to its limit whatever size it claims to have."""
    taken = 0
    with readable(name), opened() as file:
        while chunk := file.read(_CHUNK_BYTES):
            taken += len(chunk)
            check_size(name, taken)
            yield chunk


def _check_no_strays(bundle: Bundle) -> None:
    known = {MANIFEST_FILE, MODEL_CARD_FILE, *bundle.manifest.files}
    if strays := sorted(file.name for file in bundle.folder.iterdir() if file.name not in known):
        raise BundleError(f"{strays[0]} has no place in this bundle: {MANIFEST_FILE} does not name it.")
