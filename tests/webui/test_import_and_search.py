"""`mindreader import` and `mindreader search` as a person types them, against a server and without one."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from mindreader_webui.commands.search import _print
from tests.support import svgs
from tests.support.broken_files import write_broken_files
from tests.support.photos import write_photos
from tests.support.server import data_with, mindreader, server


@pytest.fixture(scope="module")
def running(tmp_path_factory, quick_bundle):
    with server(data_with(tmp_path_factory.mktemp("import"), quick_bundle)) as started:
        yield started


@pytest.fixture(scope="module")
def sketch(tmp_path_factory, sketch_png):
    path = tmp_path_factory.mktemp("sketch") / "house.png"
    path.write_bytes(sketch_png)
    return path


def test_every_good_photo_is_indexed_and_every_broken_file_is_named_with_its_reason(running, tmp_path):
    write_photos(tmp_path / "lot" / "balls", 8)
    write_photos(tmp_path / "lot" / "boxes", 8, first=8)
    (tmp_path / "lot" / "broken").mkdir()
    broken = write_broken_files(tmp_path / "lot" / "broken")
    command = ("import", tmp_path / "lot", "--collection", "Mixed", "--categories-from-folders", "--wait", "--json")
    report = mindreader(running.data_dir, *command, status=3)
    assert (report["created"], report["duplicate"], report["indexed"], report["failed"]) == (16, 0, 16, 0)
    assert {entry["file"].rsplit("/", 1)[-1] for entry in report["rejected"]} == set(broken)
    assert all(entry["reason"].endswith(".") for entry in report["rejected"])
    again = mindreader(running.data_dir, *command, status=3)
    assert (again["created"], again["duplicate"]) == (0, 16)
    with running.api() as api:
        (mixed,) = [c for c in api.get("/collections").json()["collections"] if c["name"] == "Mixed"]
    assert {c["name"]: c["photos"] for c in mixed["categories"]} == {"balls": 8, "boxes": 8}


def test_dates_come_from_beside_the_files_from_their_names_and_their_times(running, tmp_path, sketch):
    folder = tmp_path / "phone"
    photos = write_photos(folder, 4, first=350)
    names = ("IMG-20190321-WA0001.jpg", "takeout.jpg", "edited.jpg", "copied.jpg")
    whatsapp, takeout, edited, copied = (path.rename(folder / name) for path, name in zip(photos, names, strict=True))
    (folder / f"{takeout.name}.supplemental-metad.json").write_text('{"photoTakenTime": {"timestamp": "1060699034"}}')
    (folder / f"{edited.stem}.xmp").write_text('<x exif:DateTimeOriginal="1998-07-08T09:10:11"/>')
    (folder / ".DS_Store").write_bytes(b"Bud1")
    (folder / "edited.AAE").write_bytes(b"plist")
    moment = datetime(2026, 3, 4, 5, 6, 7).timestamp()
    for path in (whatsapp, takeout, edited, copied):
        os.utime(path, (moment, moment))
    report = mindreader(running.data_dir, "import", folder, "--collection", "Phone", "--wait", "--json")
    assert (report["created"], report["rejected"]) == (4, [])
    assert report["companions"] == {".json": 1, ".xmp": 1, ".DS_Store": 1, ".aae": 1}
    with running.api() as api:
        (phone,) = [c["id"] for c in api.get("/collections").json()["collections"] if c["name"] == "Phone"]
        listed = api.get(f"/collections/{phone}/photos").json()["photos"]
        assert {photo["filename"]: (photo["taken_at"], photo["date_source"]) for photo in listed} == {
            whatsapp.name: ("2019-03-21T00:00:00", "name"),
            takeout.name: ("2003-08-12T14:37:14", "takeout"),
            edited.name: ("1998-07-08T09:10:11", "sidecar"),
            copied.name: ("2026-03-04T05:06:07", "file"),
        }

        def found(**days):
            sent = {"data": {"collection_id": phone, **days}, "files": {"sketch": sketch.read_bytes()}}
            return {photo["filename"] for photo in api.post("/searches", **sent).json()["results"]}

        assert found(taken_from="2026-01-01") == set()
        assert found(taken_until="2003-12-31") == {takeout.name, edited.name}
        assert found() == set(names)


def test_a_folder_as_a_network_drive_leaves_it_is_imported_and_what_is_not_is_named(tmp_path, quick_bundle):
    tree, elsewhere = tmp_path / "tree", tmp_path / "elsewhere"
    write_photos(tree / "2020", 3, first=200)
    for number, name in enumerate(("@eaDir", "#recycle", ".thumbnails", "own_previews"), 210):
        write_photos(tree / "2020" / name, 1, first=number)
    (linked,) = write_photos(elsewhere, 1, first=220)
    (tree / "Norway").symlink_to(elsewhere)
    (tree / "2020" / "loop").symlink_to("../2020")
    (latin,) = write_photos(tmp_path, 1, first=221)
    latin.rename(tree / os.fsdecode(b"caf\xe9.jpg"))
    os.mkfifo(tree / "pipe.jpg")
    (tree / "dangling.jpg").symlink_to("/nowhere/x.jpg")
    (tree / "large.jpg").write_bytes(bytes(2**20))
    command = ("import", tree, "--collection", "Tree", "--categories-from-folders", "--wait")
    limits = {"MINDREADER_UPLOAD_MAX_BYTES": "1000000", "MINDREADER_SKIP_FOLDERS": "own_*"}
    with server(data_with(tmp_path, quick_bundle), **limits) as other:
        report = mindreader(other.data_dir, *command, "--json", status=3)
        said = mindreader(other.data_dir, *command, status=3)["printed"]
        with other.api() as api:
            (tree,) = api.get("/collections").json()["collections"]
            names = {each["filename"] for each in api.get(f"/collections/{tree['id']}/photos").json()["photos"]}
    assert (report["created"], report["indexed"]) == (5, 5)
    assert names == {"café.jpg", linked.name, *(f"photo-{number:05}.jpg" for number in (200, 201, 202))}
    assert {each["name"]: each["photos"] for each in tree["categories"]} == {"tree": 1, "2020": 3, "Norway": 1}
    assert {entry["file"] for entry in report["rejected"]} == {"pipe.jpg", "dangling.jpg", "large.jpg"}
    assert [Path(name).name for name in report["skipped_folders"]] == [
        "#recycle",
        ".thumbnails",
        "@eaDir",
        "own_previews",
    ]
    assert "0 uploaded, 5 already there, 3 refused." in said
    assert "Passed over 4 folders, hidden or of a system: #recycle, .thumbnails, @eaDir, own_previews." in said
    assert "In Tree, 5 photos can be found." in said


# As a person may call a photo; a folder of Windows before the name is left off, control characters too.
NAMES = {
    'quote\'s "double".jpg': None,
    "new\nline.jpg": "newline.jpg",
    "tab\tname.jpg": "tabname.jpg",
    "-rf.jpg": None,
    "--help.jpg": None,
    "emoji 🏝️👨\u200d👩\u200d👧.jpg": None,
    "cafe\u0301-1.jpg": "café-1.jpg",
    "café-2.jpg": None,
    "a" * 251 + ".jpg": None,
    "é" * 125 + ".jpg": None,
    "back\\slash.jpg": "slash.jpg",
    "per%2Fcent.jpg": None,
    "CASE.JPG": None,
    "case.jpg": None,
    " lead.jpg": "lead.jpg",
    "trail.jpg ": "trail.jpg",
    "noext": None,
    "semi;colon=1.jpg": None,
    "RTL\u202egpj.jpg": "RTLgpj.jpg",
}


def test_photos_with_names_of_all_kinds_are_imported_under_them(running, tmp_path):
    odd = tmp_path / "lot" / 'Földer 😀 "q"'
    odd.mkdir(parents=True)
    for path, name in zip(write_photos(tmp_path, len(NAMES), first=300), NAMES, strict=True):
        path.rename(odd / name)
    command = ("import", tmp_path / "lot", "--collection", "Names", "--categories-from-folders", "--json")
    report = mindreader(running.data_dir, *command)
    assert (report["created"], report["rejected"]) == (len(NAMES), [])
    with running.api() as api:
        (made,) = [each for each in api.get("/collections").json()["collections"] if each["name"] == "Names"]
        photos = api.get(f"/collections/{made['id']}/photos").json()["photos"]
    assert {photo["filename"] for photo in photos} == {shown or name for name, shown in NAMES.items()}
    assert {photo["category"] for photo in photos} == {'Földer 😀 "q"'}


def test_a_single_photo_is_one_photo(running, tmp_path):
    (photo,) = write_photos(tmp_path / "photos", 1, first=330)
    said = mindreader(running.data_dir, "import", photo.parent, "--collection", "Single", "--wait")["printed"]
    assert "1 uploaded, 0 already there, 0 refused." in said
    assert "In Single, 1 photo can be found." in said


def test_what_is_no_bundle_is_named_as_it_was_given(running, tmp_path):
    (tmp_path / "my-model.zip").write_bytes(b"PK\3\4 and no more")
    said = mindreader(running.data_dir, "models", "add", tmp_path / "my-model.zip", status=1)["printed"]
    assert said.startswith("Error: my-model.zip cannot be read")


def test_a_file_larger_than_a_request_stops_no_other(tmp_path, quick_bundle):
    write_photos(tmp_path / "photos", 2, first=230)
    (tmp_path / "photos" / "large.jpg").write_bytes(bytes(2**20))
    with server(data_with(tmp_path, quick_bundle), MINDREADER_REQUEST_MAX_BYTES="200000") as tight:
        report = mindreader(tight.data_dir, "import", tmp_path / "photos", "--json", status=3)
    assert report["created"] == 2
    assert [entry["file"] for entry in report["rejected"]] == ["large.jpg"]


def test_an_empty_folder_is_said_to_be_empty_and_makes_no_collection(running, tmp_path):
    (tmp_path / "nothing").mkdir()
    said = mindreader(running.data_dir, "import", tmp_path / "nothing", "--collection", "Nothing", "--wait")
    assert said["printed"].strip() == f"There are no files to import in {tmp_path / 'nothing'}."
    with running.api() as api:
        assert "Nothing" not in {each["name"] for each in api.get("/collections").json()["collections"]}


def test_a_search_where_there_is_no_photo_says_so(tmp_path, sketch, quick_bundle):
    data = data_with(tmp_path, quick_bundle)
    said = mindreader(data, "search", sketch, status=1)["printed"]
    assert "There are no photos to search in." in said
    assert "Answered by" not in said
    assert mindreader(data, "search", sketch, "--json", status=1)["results"] == []


def test_a_sketch_with_a_name_that_is_no_utf_8_is_taken(running, tmp_path, sketch):
    write_photos(tmp_path / "photos", 1, first=240)
    mindreader(running.data_dir, "import", tmp_path / "photos", "--collection", "Search", "--wait", "--json")
    copy = shutil.copy(sketch, os.fsencode(tmp_path) + b"/h\xe4user.png")
    assert mindreader(running.data_dir, "search", os.fsdecode(copy), "--json")["results"]


def test_a_sketch_may_be_an_svg_or_have_no_type_at_all(running, tmp_path):
    write_photos(tmp_path / "photos", 2, first=260)
    mindreader(running.data_dir, "import", tmp_path / "photos", "--collection", "For SVG", "--wait")
    (tmp_path / "sketch").write_bytes(svgs.own())
    assert mindreader(running.data_dir, "search", tmp_path / "sketch", "--json")["results"]


def test_photos_of_another_collection_are_not_sent_again_unless_they_are_wanted(running, tmp_path):
    photos = write_photos(tmp_path / "photos", 2, first=250)[0].parent
    mindreader(running.data_dir, "import", photos, "--collection", "First", "--json")
    again = ("import", photos, "--collection", "Second", "--json")
    assert mindreader(running.data_dir, *again)["elsewhere"] == {"First": 2}
    assert mindreader(running.data_dir, *again, "--everywhere")["created"] == 2


def test_search_prints_ranked_photos_and_writes_the_imaginary_image(running, tmp_path, sketch, quick_bundle):
    write_photos(tmp_path / "photos", 8, first=100)
    mindreader(running.data_dir, "import", tmp_path / "photos", "--collection", "Search", "--wait", "--json")
    imagined = tmp_path / "imagined.png"
    answer = mindreader(running.data_dir, "search", sketch, "--limit", "5", "--imaginary", imagined, "--json")
    scores = [result["score"] for result in answer["results"]]
    assert len(scores) == 5
    assert scores == sorted(scores, reverse=True)
    shown = {"photo_id", "score", "filename", "collection", "category", "boxes", "also_in", "also_in_count"}
    assert shown == set(answer["results"][0])
    where_drawn = mindreader(running.data_dir, "search", sketch, "--where-drawn", "--json")
    assert len(where_drawn["results"]) > 5
    assert answer["model_version"]
    assert answer["timings_ms"]["imagine"] > 0
    with Image.open(imagined) as image:
        assert image.size == (quick_bundle.generator.image_size,) * 2


def test_a_photo_found_in_a_region_says_where(capsys):
    region = {"left": 0.4, "top": 0, "right": 1, "bottom": 0.6}
    result = {"score": 0.5, "collection": "Trips", "filename": "a.jpg", "category": "dog", "boxes": [region]}
    counts = {"searchable": {"indexed": 1, "total": 1}, "model_version": {"name": "first"}}
    _print({**counts, "readings": [], "answerable": True, "results": [result]})
    line = "  1. 0.500  Trips: a.jpg (dog), at 40-100 % from the left, 0-60 % from the top"
    assert line in capsys.readouterr().out.splitlines()


def test_both_work_without_a_server(tmp_path, sketch, quick_bundle):
    data = data_with(tmp_path, quick_bundle)
    photo = write_photos(tmp_path / "photos", 3)[0]
    report = mindreader(data, "import", photo.parent, "--json")
    assert (report["created"], report["indexed"]) == (3, 3)
    answer = mindreader(data, "search", sketch, "--json")
    assert {result["filename"] for result in answer["results"]} == {p.name for p in photo.parent.iterdir()}
    assert mindreader(data, "doctor", "--json")["findings"] == []


def test_a_server_that_is_not_there_is_named(tmp_path, sketch):
    said = mindreader(tmp_path, "search", sketch, "--server", "http://127.0.0.1:9", "--token", "x", status=1)
    assert "127.0.0.1:9" in said["printed"]


def test_a_wrong_token_is_refused_with_a_sentence(running, tmp_path, sketch):
    said = mindreader(tmp_path, "search", sketch, "--server", running.url, "--token", "mr_wrong", status=1)
    assert "Error:" in said["printed"]


def test_a_sketch_that_is_no_image_is_refused_with_a_sentence(running, tmp_path):
    (tmp_path / "text.png").write_text("hello")
    said = mindreader(running.data_dir, "search", tmp_path / "text.png", status=1)
    assert "Traceback" not in said["printed"]


def test_an_unknown_image_format_for_the_imaginary_image_is_refused(running, tmp_path, sketch):
    said = mindreader(running.data_dir, "search", sketch, "--imaginary", tmp_path / "x.xyz", status=1)
    assert ".png" in said["printed"]


def test_an_unknown_setting_stops_every_command(tmp_path):
    said = mindreader(tmp_path, "settings", status=1, MINDREADER_PROT="1")
    assert "MINDREADER_PROT" in said["printed"]


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("doctor",)])
def test_a_second_process_is_kept_out_of_the_data_folder_of_a_running_server(running, command):
    said = mindreader(running.data_dir, *command, status=1)
    assert str(running.data_dir) in said["printed"]
    assert "Traceback" not in said["printed"]
