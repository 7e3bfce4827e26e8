"""What a walk comes by, what it leaves out, and what it names."""

from __future__ import annotations

import os

import pytest

from mindreader.errors import InvalidInputError
from mindreader.folders.patterns import Patterns, checked_patterns
from mindreader.folders.roots import checked_root
from mindreader.folders.scanning.walk import Walk
from mindreader.settings import load_settings
from tests.support.folders import put_photos


def paths(root, excludes=(), allowed=None):
    """Every file a walk comes by, in its order."""
    found = []
    for walked in Walk(root, Patterns(excludes), (allowed or root,)).all():
        found += [os.fsdecode(walked.path + b"/" + name).lstrip("/") for name in walked.files]
    return found


def test_sub_folders_come_in_the_order_of_their_names(root):
    assert paths(root) == ["d.jpg", "2019/rome/a.jpg", "2019/rome/b.jpg", "2020/c.jpg"]


def test_only_what_may_be_a_photo_is_looked_at(root):
    for name in ("notes.txt", "film.mp4", "a.jpg.xmp", ".hidden.jpg", "._d.jpg", "Thumbs.db"):
        (root / name).write_bytes(b"x")
    put_photos(root, ["@eaDir/x.jpg", ".trash/x.jpg", "lost+found/x.jpg"])
    assert len(paths(root)) == 4


@pytest.mark.parametrize(
    ("excludes", "left"),
    [
        (["rome"], ["d.jpg", "2020/c.jpg"]),
        (["2019/*"], ["d.jpg", "2020/c.jpg"]),
        (["20*"], ["d.jpg"]),
        (["*.jpg"], []),
        (["2019/rome/b.jpg", "d.*"], ["2019/rome/a.jpg", "2020/c.jpg"]),
    ],
)
def test_patterns_leave_out_files_and_folders(root, excludes, left):
    assert paths(root, excludes) == left


def test_patterns_are_stored_once_each_and_bounded():
    assert checked_patterns([" a ", "a", "", "/b/"]) == ["a", "b"]
    for wrong in (["x" * 501], [str(n) for n in range(101)]):
        with pytest.raises(InvalidInputError, match="at most"):
            checked_patterns(wrong)
    for hidden in ("a\0b", "\ud800"):
        with pytest.raises(InvalidInputError, match="control"):
            checked_patterns([hidden])


def test_a_loop_of_links_ends(root):
    (root / "2019" / "up").symlink_to(root)
    (root / "2020" / "self").symlink_to(root / "2020")
    (root / "circle").symlink_to(root / "circle")
    assert len(paths(root)) == 4


def test_a_link_to_a_folder_that_is_allowed_is_followed_once(root):
    put_photos(root.parent / "other", ["e.jpg"])
    (root / "a link").symlink_to(root.parent / "other")
    (root / "b link").symlink_to(root.parent / "other")
    assert "a link/e.jpg" in paths(root, allowed=root.parent)
    assert len(paths(root, allowed=root.parent)) == 5


def test_links_that_lead_out_are_named_and_not_followed(root, tmp_path):
    put_photos(tmp_path / "private", ["e.jpg"])
    (root / "folder").symlink_to(tmp_path / "private")
    (root / "file.jpg").symlink_to(tmp_path / "private" / "e.jpg")
    walked = list(Walk(root, Patterns(()), (root,)).all())
    assert sorted(problem.path for each in walked for problem in each.problems) == [b"file.jpg", b"folder"]
    assert sum(len(each.files) for each in walked) == 4


def test_pipes_and_sockets_are_no_photos(root):
    os.mkfifo(root / "pipe.jpg")
    assert len(paths(root)) == 4


def allowing(tmp_path, roots):
    return load_settings({"MINDREADER_DATA_DIR": str(tmp_path / "disk" / "data"), "MINDREADER_FOLDER_ROOTS": roots})


def test_only_folders_below_the_setting_are_taken(root, tmp_path):
    settings = allowing(tmp_path, f"{root.parent}, /mnt/other")
    (root.parent / "data").mkdir()
    (root / "out").symlink_to(tmp_path)
    assert checked_root(str(root), settings) == root
    assert checked_root(f"{root}/../photos/", settings) == root
    for path, said in (
        ("photos", "from the top"),
        (str(tmp_path), "does not allow"),
        (str(root / "out"), "does not allow"),
        (f"{root}/../../x", "does not allow"),
        (str(root / "nothing"), "There is no folder"),
        (str(root / "d.jpg"), "There is no folder"),
        (str(root.parent), "keeps its own data"),
        (str(root.parent / "data" / "blobs"), "keeps its own data"),
        (str(root / ("x" * 5000)), "too long"),
        (str(root / "a\0b"), "cannot be stored"),
    ):
        with pytest.raises(InvalidInputError, match=said):
            checked_root(path, settings)
    blobs = settings.model_copy(update={"blobs_url": f"file://{root}/2019"})
    with pytest.raises(InvalidInputError, match="keeps its own data"):
        checked_root(str(root), blobs)
    with pytest.raises(InvalidInputError, match="MINDREADER_FOLDER_ROOTS"):
        checked_root(str(root), allowing(tmp_path, ""))
