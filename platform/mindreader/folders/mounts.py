"""Whether the system tells of changes in a folder: on disks of other machines it does not."""

from __future__ import annotations

import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_ELSEWHERE = re.compile(r"nfs\d?|cifs|smb\w*|9p|afs|ceph|virtiofs|vboxsf|prl_fs|drvfs|fuse(blk)?\..+|fuse\.?")
_ESCAPED = re.compile(r"\\([0-7]{3})")


def is_elsewhere(path: Path) -> bool:
    """Whether a folder lies on a network drive, or is shared with another system; only Linux tells."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    return bool(_ELSEWHERE.fullmatch(_kind_of(Path(os.path.realpath(path)), lines)))


def _kind_of(path: Path, lines: list[str]) -> str:
    """The kind of file system of the mount the path lies in: the deepest one, and of those the last one."""
    kind, depth = "", -1
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        point = Path(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[4]))
        if path.is_relative_to(point) and len(point.parts) >= depth:
            kind, depth = after.split(" ")[0], len(point.parts)
    return kind
