"""A folder as a network drive, a Mac and a phone leave it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from mindreader.library.files.system_folders import SYSTEM_FOLDERS
from mindreader_webui.commands.files import Companion, FoundFile, RefusedFile, SkippedFolder
from mindreader_webui.commands.folder_walk import walk


@pytest.fixture
def tree(tmp_path):
    top = tmp_path / "tree"
    top.mkdir()
    return top


def put(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"photo")
    return path


def walked(top, skipped=SYSTEM_FOLDERS):
    found = list(walk(top, skipped))
    files = {each.name: each for each in found if isinstance(each, FoundFile)}
    refused = {each.name: each.reason for each in found if isinstance(each, RefusedFile)}
    passed_over = [each.name for each in found if isinstance(each, SkippedFolder)]
    told = len(files) + len(refused) + len(passed_over) + len(companions(top, skipped))
    assert told == len(found), "nothing comes twice"
    return files, refused, passed_over


def folders(top):
    return [file.folder for file in walked(top)[0].values()]


def companions(top, skipped=SYSTEM_FOLDERS):
    return [each.name for each in walk(top, skipped) if isinstance(each, Companion)]


def test_files_come_in_order_with_their_folder_and_size(tree):
    for name in ("b.jpg", "2021/x.jpg", "2020/sub/y.jpg", "2020/x.jpg"):
        put(tree / name)
    files, refused, passed_over = walked(tree)
    assert {name: file.folder for name, file in files.items()} == {
        "b.jpg": "tree",
        "2020/x.jpg": "2020",
        "2020/sub/y.jpg": "sub",
        "2021/x.jpg": "2021",
    }
    assert list(files) == ["b.jpg", "2020/x.jpg", "2020/sub/y.jpg", "2021/x.jpg"]
    assert files["b.jpg"].size == 5
    assert (refused, passed_over) == ({}, [])


def test_the_folder_that_is_walked_is_known_by_its_name_however_it_is_called(tree, monkeypatch):
    put(tree / "sub" / "a.jpg")
    monkeypatch.chdir(tree / "sub")
    (tree.parent / "linked").symlink_to(tree / "sub")
    for top, name in ((Path(), "sub"), (Path("..", "sub"), "sub"), (tree.parent / "linked", "linked")):
        assert folders(top) == [name]
    put(tree / "b.jpg")
    assert folders(Path("..")) == ["tree", "sub"]
    assert folders(tree / "b.jpg") == [""]


def test_system_and_hidden_folders_are_passed_over_and_named(tree):
    put(tree / "2020" / "photo.jpg")
    names = ["#recycle", ".@__thumb", ".Trash-1000", ".picasaoriginals", ".thumbnails", "@Recycle", "@eaDir"]
    names += ["__MACOSX", "lost+found"]
    for name in names:
        put(tree / "2020" / name / "below.jpg" / "thumb.jpg")
    files, refused, passed_over = walked(tree)
    assert list(files) == ["2020/photo.jpg"]
    assert passed_over == [f"2020/{name}" for name in names]
    assert refused == {}


def test_hidden_files_and_those_of_systems_are_passed_over(tree):
    for name in ("._IMG_1.jpg", ".DS_Store", "Thumbs.db", "thumbs.DB", "desktop.ini", "photo.jpg"):
        put(tree / name)
    assert list(walked(tree)[0]) == ["photo.jpg"]
    assert companions(tree) == [".DS_Store", "._IMG_1.jpg", "Thumbs.db", "desktop.ini", "thumbs.DB"]


def test_what_lies_beside_a_photo_is_found_with_it_and_refused_nowhere(tree):
    beside = ("IMG_1.xmp", "IMG_1.jpg.supplemental-meta.json", "IMG_1.AAE", "Picasa.ini", "metadata.json")
    for name in ("IMG_1.jpg", "IMG_2.jpg", *beside):
        put(tree / "2020" / name)
    put(tree / "2021" / "IMG_2.xmp")
    os.utime(tree / "2020" / "IMG_1.jpg", (1553126400.5, 1553126400.5))
    files, refused, _ = walked(tree)
    photo, other = files.values()
    assert (photo.xmp, photo.takeout) == tuple(tree / "2020" / name for name in beside[:2])
    assert photo.modified == 1553126400.5
    assert (other.xmp, other.takeout) == (None, None)
    assert refused == {}
    assert companions(tree) == [*(f"2020/{name}" for name in sorted(beside)), "2021/IMG_2.xmp"]
    (alone,) = walked(tree / "2020" / "IMG_1.jpg")[0].values()
    assert (alone.xmp, alone.takeout) == (photo.xmp, photo.takeout)


def test_a_pipe_beside_a_photo_is_never_opened(tree):
    put(tree / "a.jpg")
    os.mkfifo(tree / "a.xmp")
    (tree / "a.jpg.json").symlink_to("a.jpg.json")
    (file,) = walked(tree)[0].values()
    assert (file.xmp, file.takeout) == (None, None)


def test_the_folder_one_names_is_walked_whatever_it_is_called(tree):
    put(tree / "@eaDir" / "photo.jpg")
    assert list(walked(tree / "@eaDir")[0]) == ["photo.jpg"]
    assert list(walked(put(tree / ".hidden.jpg"))[0]) == [".hidden.jpg"]


def test_names_that_are_no_utf_8_are_repaired_and_can_be_opened(tree):
    put(tree / os.fsdecode(b"M\xfcnchen/caf\xe9.jpg"))
    (file,) = walked(tree)[0].values()
    assert (file.name, file.folder) == ("München/café.jpg", "München")
    assert file.path.read_bytes() == b"photo"


def test_pipes_sockets_and_devices_are_refused_without_opening_them(tree, monkeypatch):
    os.mkfifo(tree / "pipe.jpg")
    (tree / "null.jpg").symlink_to("/dev/null")
    monkeypatch.chdir(tree)  # the path of a socket may be 107 bytes long
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.jpg")
        files, refused, _ = walked(tree)
    assert files == {}
    assert refused == {
        "null.jpg": "This is a device, not a photo.",
        "pipe.jpg": "This is a named pipe, not a photo.",
        "socket.jpg": "This is a socket, not a photo.",
    }
    assert walked(tree / "pipe.jpg")[1] == {"pipe.jpg": "This is a named pipe, not a photo."}


def test_links_to_folders_are_followed_and_circles_end(tree, tmp_path):
    put(tmp_path / "elsewhere" / "linked.jpg")
    put(tree / "2020" / "a.jpg")
    (tmp_path / "elsewhere" / "back").symlink_to(tree)
    (tmp_path / "elsewhere" / "again").symlink_to(tmp_path / "elsewhere")
    (tree / "Norway").symlink_to(tmp_path / "elsewhere")
    (tree / "2020" / "loop").symlink_to("../2020")
    files, refused, _ = walked(tree)
    assert {name: file.folder for name, file in files.items()} == {"2020/a.jpg": "2020", "Norway/linked.jpg": "Norway"}
    assert refused == {}


def test_a_photo_is_found_in_its_own_folder_even_if_a_link_to_that_comes_first(tree):
    put(tree / "z" / "a.jpg")
    (tree / "a").symlink_to("z")
    assert list(walked(tree)[0]) == ["z/a.jpg"]


def test_links_to_files_come_after_the_files_themselves(tree, tmp_path):
    put(tree / "z" / "a.jpg")
    put(tmp_path / "elsewhere" / "b.jpg")
    (tree / "favourite.jpg").symlink_to("z/a.jpg")
    (tree / "Norway").symlink_to(tmp_path / "elsewhere")
    assert list(walked(tree)[0]) == ["z/a.jpg", "Norway/b.jpg", "favourite.jpg"]


def test_many_links_to_each_other_do_not_multiply(tree):
    folders = [tree / f"{number:02}" for number in range(12)]
    for folder in folders:
        put(folder / "a.jpg")
    for folder in folders:
        for other in folders:
            (folder / f"to-{other.name}").symlink_to(other)
    assert len(walked(tree)[0]) == 12


def test_a_link_to_what_holds_the_folder_is_named_not_followed(tree, tmp_path):
    put(tmp_path / "private.jpg")
    (tree / "up").symlink_to("..")
    (tree / "root").symlink_to("/")
    files, refused, _ = walked(tree)
    assert files == {}
    assert set(refused) == {"root", "up"}


def test_links_to_files_are_files_and_those_that_lead_nowhere_are_named(tree, tmp_path):
    (tree / "linked.jpg").symlink_to(put(tmp_path / "other.jpg"))
    (tree / "dangling.jpg").symlink_to("/nowhere/x.jpg")
    (tree / "circle.jpg").symlink_to("circle.jpg")
    files, refused, _ = walked(tree)
    assert list(files) == ["linked.jpg"]
    assert refused == dict.fromkeys(("circle.jpg", "dangling.jpg"), "This link leads nowhere.")


def test_a_folder_named_like_a_photo_is_refused_and_looked_into(tree):
    put(tree / "folder.jpg" / "a.jpg")
    files, refused, _ = walked(tree)
    assert list(files) == ["folder.jpg/a.jpg"]
    assert refused == {"folder.jpg": "This is a folder, not a photo."}


def test_a_folder_that_goes_away_meanwhile_is_named_and_the_rest_is_found(tree):
    put(tree / "1" / "a.jpg")
    put(tree / "2" / "a.jpg")
    found = walk(tree, ())
    (tree / "0").mkdir()
    first = next(found)
    for entry in (tree / "2").iterdir():
        entry.unlink()
    (tree / "2").rmdir()
    rest = list(found)
    assert first.name == "1/a.jpg"
    assert rest == [RefusedFile("2", "This folder cannot be read (No such file or directory).")]
