"""Which folders of the server may be shown in place, and whether one of them is there."""

from __future__ import annotations

import os
from pathlib import Path

from mindreader.catalog import OfflineReason
from mindreader.errors import InvalidInputError
from mindreader.originals import lies_below
from mindreader.settings import Settings

LONGEST_PATH = 4096


def checked_root(path: str, settings: Settings) -> Path:
    """The folder that this path names, as it may be shown.

    Raises:
        InvalidInputError: it may not, or it is none; the sentence says what to do.
    """
    if not settings.allowed_folders:
        raise InvalidInputError(
            "This server shows no folders in place. Set MINDREADER_FOLDER_ROOTS to the folders it may show, and start "
            "it again."
        )
    _check_spelling(path)
    root = Path(os.path.normpath(path))
    if not lies_below(root, settings.allowed_folders):
        raise InvalidInputError(
            "MINDREADER_FOLDER_ROOTS does not allow {path}; it allows {roots}. Choose a folder there, or change the "
            "setting.",
            path=str(root),
            roots=", ".join(map(str, settings.allowed_folders)),
        )
    if any(_overlap(root, own) for own in _own_folders(settings)):
        raise InvalidInputError("MindReader keeps its own data in {path}. Choose another folder.", path=str(root))
    if not root.is_dir():
        raise InvalidInputError("There is no folder {path} on the server, or it may not look into it.", path=str(root))
    return root


def absence_of(root: Path, settings: Settings, *, had_files: bool) -> OfflineReason | None:
    """Why a folder is to be taken for away; None if it is there.

    Args:
        had_files: whether there were files in it: then it is not taken for empty, for what is mounted there is gone.
    """
    if not lies_below(root, settings.allowed_folders):
        return OfflineReason.NOT_ALLOWED
    try:
        with os.scandir(root) as entries:
            is_empty = next(entries, None) is None
    except (FileNotFoundError, NotADirectoryError):
        return OfflineReason.GONE
    except OSError:
        return OfflineReason.UNREADABLE
    return OfflineReason.EMPTY if is_empty and had_files else None


def _check_spelling(path: str) -> None:
    if not Path(path).is_absolute():
        raise InvalidInputError("Give the folder's path on the server from the top, such as /mnt/photos.")
    is_text = path.encode("utf-8", "ignore").decode() == path and "\0" not in path
    if not is_text or len(os.fsencode(path)) >= LONGEST_PATH:
        raise InvalidInputError("This path cannot be used: it is too long, or holds characters that cannot be stored.")


def _own_folders(settings: Settings) -> list[Path]:
    """Where MindReader keeps what it makes: thumbnails there would else become photos."""
    blobs = settings.blobs_root.removeprefix("file://")
    return [settings.data_dir, *([] if "://" in blobs else [Path(blobs)])]


def _overlap(one: Path, other: Path) -> bool:
    real, real_other = Path(os.path.realpath(one)), Path(os.path.realpath(other))
    return real.is_relative_to(real_other) or real_other.is_relative_to(real)
