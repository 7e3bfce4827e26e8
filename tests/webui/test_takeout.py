"""Google Takeout: which JSON file goes with which photo, what is an album, and zip files that mean harm."""

from __future__ import annotations

import json
import struct
import zipfile

import pytest

from mindreader.library.files.system_folders import SYSTEM_FOLDERS
from mindreader_webui.commands.files import SourceError
from mindreader_webui.commands.import_report import Report
from mindreader_webui.commands.sources.takeout import takeout_source
from tests.support.takeout import TOP, album_json, photo_json, write_folder, write_zip

YEAR = "Photos from 2019"

# A photo, and the JSON file that says of it what its title is.
PAIRS = {
    "plain": ("IMG_1.jpg", "IMG_1.jpg.json", "IMG_1.jpg"),
    "since 2024": ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json", "IMG_1.jpg"),
    "since 2024, cut": ("IMG_20190321_101112.jpg", "IMG_20190321_101112.jpg.supplemental-metad.json", "-"),
    "none": ("PXL_20230401_101112345.PORTRAIT-02.ORIGIN.jpg", None, "-"),
    "numbered": ("IMG_1(1).jpg", "IMG_1.jpg(1).json", "IMG_1.jpg"),
    "numbered since 2024": ("IMG_1(1).jpg", "IMG_1.jpg.supplemental-metadata(1).json", "IMG_1.jpg"),
    "edited": ("IMG_1-edited.jpg", "IMG_1.jpg.json", "IMG_1.jpg"),
    "edited in German": ("IMG_1-bearbeitet.jpg", "IMG_1.jpg.supplemental-metadata.json", "IMG_1.jpg"),
    "edited and numbered": ("IMG_1-edited(1).jpg", "IMG_1.jpg(1).json", "IMG_1.jpg"),
    "name cut at 46": ("a" * 47 + ".jpg", "a" * 46 + ".json", "a" * 60 + ".jpg"),
    "name cut, numbered": ("a" * 47 + "(1).jpg", "a" * 46 + "(1).json", "a" * 60 + ".jpg"),
    "known by its title alone": ("What_ _now__.jpg", "other.json", "What? <now>?.jpg"),
    "cut name known by its title": ("b" * 47 + ".jpg", "strange.json", "b" * 80 + ".jpg"),
    "numbered, known by its title": ("What_(2).jpg", "other(2).json", "What?.jpg"),
    "capital suffix": ("IMG_1.JPG", "IMG_1.jpg.json", "IMG_1.jpg"),
    "HEIC": ("IMG_1.HEIC", "IMG_1.HEIC.supplemental-metadata.json", "IMG_1.HEIC"),
    "motion photo": ("PXL_1.MP.jpg", "PXL_1.MP.jpg.supplemental-metadata.json", "PXL_1.MP.jpg"),
}


def portions(*paths, report=None):
    """What goes into which collection: names of photos, and of their JSON files."""
    report = report or Report()
    with takeout_source(paths, SYSTEM_FOLDERS, "Google Photos", report) as source:
        found = list(source.portions())
        assert source.total == sum(len(each.files) + each.passed_over for each in found)
    into: dict[tuple[str, bool], dict[str, str | None]] = {}
    for each in found:
        names = {file.path.name: file.takeout.name if file.takeout else None for file in each.files}
        into.setdefault((each.collection, each.is_album), {}).update(names)
    return into


@pytest.mark.parametrize("parts", ["one zip", "two zips", "folder"])
@pytest.mark.parametrize(("photo", "beside", "title"), PAIRS.values(), ids=PAIRS)
def test_a_photo_s_json_is_found(tmp_path, parts, photo, beside, title):
    photos = {f"{YEAR}/{photo}": b"photo"}
    texts = {f"{YEAR}/{beside}": photo_json(title)} if beside else {}
    others = {f"{YEAR}/Z_9.jpg": b"other", f"{YEAR}/Z_9.jpg.json": photo_json("Z_9.jpg")}
    if parts == "folder":
        given = [write_folder(tmp_path / "export", photos | texts | others)]
    elif parts == "one zip":
        given = [write_zip(tmp_path / "takeout-001.zip", photos | texts | others)]
    else:
        given = [
            write_zip(tmp_path / "takeout-001.zip", photos | others),
            write_zip(tmp_path / "takeout-002.zip", texts),
        ]
    assert portions(*given) == {("Google Photos", False): {photo: beside, "Z_9.jpg": "Z_9.jpg.json"}}


def test_a_number_belongs_to_the_photo_with_the_same_number(tmp_path):
    names = ("IMG_1.jpg", "IMG_1(1).jpg", "IMG_1(2).jpg", "IMG_1-edited(1).jpg")
    beside = ("IMG_1.jpg.json", "IMG_1.jpg(1).json", "IMG_1.jpg.supplemental-metadata(2).json")
    files = {f"{YEAR}/{name}": b"photo" for name in names}
    files |= {f"{YEAR}/{name}": photo_json("IMG_1.jpg") for name in beside}
    (found,) = portions(write_zip(tmp_path / "a.zip", files)).values()
    assert found == dict(zip(names, (*beside, beside[1]), strict=True))


ALBUM_FILES = ("metadata.json", "Metadaten.json", "métadonnées.json", "メタデータ.json", "metadatos(1).json")


@pytest.mark.parametrize("name", ALBUM_FILES)
def test_an_album_is_known_by_what_its_file_says_whatever_it_is_called(tmp_path, name):
    files = {
        "Fotos von 2019/IMG_1.jpg": b"photo",
        "Fotos von 2019/IMG_1.jpg.json": photo_json("IMG_1.jpg"),
        f"Urlaub/{name}": album_json("Urlaub: Südtirol"),
        "Urlaub/IMG_2.jpg": b"photo",
        "Urlaub/gone.jpg.json": photo_json("gone.jpg"),
    }
    assert portions(write_zip(tmp_path / "a.zip", files)) == {
        ("Urlaub: Südtirol", True): {"IMG_2.jpg": None},
        ("Google Photos", False): {"IMG_1.jpg": "IMG_1.jpg.json"},
    }


@pytest.mark.parametrize(
    ("folder", "title"),
    [
        ("Photos from 2019", "Photos from 2019"),
        ("Fotos von 2019", "Fotos von 2019"),
        ("2019 年的照片", "2019 年的照片"),
        ("2018-05-06", "2018-05-06"),
        ("2018-05-06 #2", "2018-05-06 #2"),
        ("Untitled(3)", ""),
        ("Hidden", "\u200b"),
    ],
)
def test_years_days_and_what_has_no_title_go_where_photos_without_an_album_go(tmp_path, folder, title):
    files = {f"{folder}/metadata.json": album_json(title), f"{folder}/IMG_1.jpg": b"photo"}
    ((collection, _),) = portions(write_zip(tmp_path / "a.zip", files))
    assert collection == "Google Photos"


def test_an_album_in_two_parts_is_one_also_where_its_file_lies_in_the_other(tmp_path):
    first = write_zip(tmp_path / "takeout-001.zip", {"Trip/IMG_1.jpg": b"1", "Trip/IMG_2.jpg": b"2"})
    second = {"Trip/metadata.json": album_json("Trip"), "Trip/IMG_1.jpg.json": photo_json("IMG_1.jpg")}
    write_folder(tmp_path / "unpacked", second)
    found = portions(first, tmp_path / "unpacked")
    assert found == {("Trip", True): {"IMG_1.jpg": "IMG_1.jpg.json", "IMG_2.jpg": None}}


def test_what_is_said_in_the_year_s_folder_holds_for_the_same_file_in_an_album(tmp_path):
    files = {
        f"{YEAR}/IMG_1.jpg": b"photo",
        f"{YEAR}/IMG_1.jpg.json": photo_json("IMG_1.jpg"),
        "Trip/IMG_1.jpg": b"photo",
        "Trip/metadata.json": album_json("Trip"),
        "Other/IMG_1.jpg": b"another photo",
        "Other/metadata.json": album_json("Other"),
    }
    assert portions(write_zip(tmp_path / "a.zip", files)) == {
        ("Other", True): {"IMG_1.jpg": None},
        ("Trip", True): {"IMG_1.jpg": "IMG_1.jpg.json"},
        ("Google Photos", False): {"IMG_1.jpg": "IMG_1.jpg.json"},
    }


def test_zip_files_in_a_folder_are_parts(tmp_path):
    write_zip(tmp_path / "parts" / "takeout-001.zip", {"Trip/IMG_1.jpg": b"1"})
    write_zip(tmp_path / "parts" / "takeout-002.zip", {"Trip/metadata.json": album_json("Trip")})
    assert portions(tmp_path / "parts") == {("Trip", True): {"IMG_1.jpg": None}}


@pytest.mark.parametrize("given", ["export", f"export/{TOP.split('/')[0]}", f"export/{TOP}", f"export/{TOP}/Trip"])
def test_a_folder_may_be_named_at_any_level(tmp_path, given):
    write_folder(tmp_path / "export", {"Trip/IMG_1.jpg": b"1", "Trip/metadata.json": album_json("Trip")})
    assert portions(tmp_path / given) == {("Trip", True): {"IMG_1.jpg": None}}


def test_videos_the_trash_and_other_products_are_left_aside_and_counted(tmp_path):
    report = Report()
    path = write_zip(
        tmp_path / "a.zip",
        {
            f"{YEAR}/IMG_1.jpg": b"photo",
            f"{YEAR}/IMG_1.jpg.json": photo_json("IMG_1.jpg"),
            f"{YEAR}/IMG_1.MP": b"moving part",
            f"{YEAR}/IMG_1.MP~2": b"moving part",
            f"{YEAR}/IMG_2.MOV": b"video",
            f"{YEAR}/IMG_2.MOV.json": photo_json("IMG_2.MOV"),
            "Papierkorb/IMG_3.jpg": b"photo",
            "Papierkorb/IMG_3.jpg.json": photo_json("IMG_3.jpg", trashed=True),
        },
    )
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("Takeout/Drive/holiday/plan.pdf", b"pdf")
        archive.writestr("Takeout/archive_browser.html", b"html")
    assert portions(path, report=report) == {("Google Photos", False): {"IMG_1.jpg": "IMG_1.jpg.json"}}
    assert report.left_aside == {"videos": 3, "files of other Google products": 2, "photos in Google's trash": 1}
    assert report.rejected == []


def entry(path, name, content=b"photo" * 100, *, attributes=0, flags=0, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr, info.compress_type = attributes << 16, method
        archive.writestr(info, content)
    if flags:
        data = bytearray(path.read_bytes())
        at = data.rindex(b"PK\x01\x02")
        data[at + 8 : at + 10] = struct.pack("<H", flags)
        path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"name": "../../x.jpg"}, "leads elsewhere"),
        ({"name": "/etc/x.jpg"}, "leads elsewhere"),
        ({"name": "C:\\x.jpg"}, "leads elsewhere"),
        ({"name": "a/link.jpg", "attributes": 0o120777}, "a symbolic link"),
        ({"name": "a/pipe.jpg", "attributes": 0o010644}, "a device"),
        ({"name": "a/secret.jpg", "flags": 1}, "encrypted"),
        ({"name": "a/bzip.jpg", "method": zipfile.ZIP_BZIP2}, "compressed in an unusual way"),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_entries_that_mean_harm_are_refused_by_name_and_the_others_are_taken(tmp_path, given, says):
    path = write_zip(tmp_path / "a.zip", {"Trip/IMG_1.jpg": b"1"})
    entry(path, **given)
    report = Report()
    assert portions(path, report=report) == {("Google Photos", False): {"IMG_1.jpg": None}}
    ((refused),) = report.rejected
    assert refused["file"] == f"a.zip/{given['name']}"
    assert says in refused["reason"]


def write_bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Takeout/Google Photos/a/bomb.jpg", bytes(100 * 2**20))


def write_huge_directory(path):
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(1050):
            archive.writestr(f"{number}{'a' * 65_000}", b"")


def write_cut(path):
    write_zip(path, {"Trip/IMG_1.jpg": b"1" * 1000})
    path.write_bytes(path.read_bytes()[:-30])


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (write_bomb, "would fill 104,857,600 when it is unpacked"),
        (write_huge_directory, "holds too many files"),
        (write_cut, "cannot be read"),
        (lambda path: path.write_bytes(b"no zip"), "Download it again"),
        (lambda path: path.mkdir() or (path / "x.zip").write_bytes(b""), "x.zip cannot be read"),
    ],
    ids=["bomb", "directory", "cut", "no zip", "in a folder"],
)
def test_a_zip_file_that_cannot_be_taken_is_named_before_anything_is_sent(tmp_path, write, says):
    path = tmp_path / "takeout.zip"
    write(path)
    with pytest.raises(SourceError, match=says), takeout_source([path], (), "x", Report()):
        pass


def test_a_tar_file_is_named_with_what_to_do(tmp_path):
    path = tmp_path / "takeout-001.tgz"
    path.write_bytes(b"\x1f\x8b")
    with pytest.raises(SourceError, match="Choose zip files in Takeout"), takeout_source([path], (), "x", Report()):
        pass


def test_an_entry_reads_and_goes_back_like_a_file(tmp_path):
    content = bytes(range(256)) * 1000
    path = write_zip(tmp_path / "a.zip", {"Trip/IMG_1.jpg": content})
    with takeout_source([path], (), "x", Report()) as source:
        ((file,),) = [portion.files for portion in source.portions()]
        with file.path.open("rb") as stream:
            assert (stream.seek(0, 2), stream.tell()) == (len(content), len(content))
            assert stream.read() == b""
            assert (stream.seek(0), stream.read(10)) == (0, content[:10])
            assert stream.read() == content[10:]


def test_a_damaged_entry_is_a_file_that_cannot_be_read(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{TOP}/Trip/IMG_1.jpg", b"photo" * 100)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"photophoto", b"photoPHOTO", 1))
    with takeout_source([path], (), "x", Report()) as source:
        ((file,),) = [portion.files for portion in source.portions()]
        with pytest.raises(OSError, match="damaged"), file.path.open("rb") as stream:
            stream.read()


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'"x"', b"[" * 5000, json.dumps({"title": 7}).encode()])
def test_a_json_file_that_says_nothing_makes_no_album(tmp_path, text):
    path = write_zip(tmp_path / "a.zip", {"Trip/IMG_1.jpg": b"1", "Trip/metadata.json": text})
    assert portions(path) == {("Google Photos", False): {"IMG_1.jpg": None}}
