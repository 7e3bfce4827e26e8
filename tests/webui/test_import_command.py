"""`mindreader import` asks before it sends, and one bad file stops no other."""

import hashlib
import os
from dataclasses import replace
from datetime import datetime

import pytest

from mindreader_webui.commands.client import ApiClient, RemoteError
from mindreader_webui.commands.files import FoundFile
from mindreader_webui.commands.folder_walk import walk
from mindreader_webui.commands.import_report import Report
from mindreader_webui.commands.uploading import Rules, Uploader
from tests.support.photos import write_photos

TARGET = 7


class Api(ApiClient):
    """Says which files are there, takes the others, and refuses requests with a file of a name in `refuses`."""

    def __init__(self, known=(), refuses=None):
        self.known, self.refuses = list(known), refuses or {}
        self.asked, self.sent, self.said, self.is_away = [], [], [], False

    def get(self, path, **arguments):
        assert path == "/status"
        if self.is_away:
            raise RemoteError("It cannot be reached.")
        return {}

    def post(self, path, **arguments):
        if path.endswith("/existing"):
            self.asked.append((path, arguments["json"]["sha256"]))
            return {"existing": self.known}
        names = [name for _, (name, _, _) in arguments["files"]]
        for name in names:
            if name in self.refuses:
                error = RemoteError("Refused.")
                raise error.with_status(status) if (status := self.refuses[name]) else error
        self.sent += zip(names, arguments["data"]["category"], strict=True)
        self.said.append(arguments["data"])
        return {"outcomes": [{"status": "created"} for _ in names]}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files_in(folder):
    return [found for found in walk(folder, ()) if isinstance(found, FoundFile)]


ANY = Rules()


def uploaded(folder, api, rules=ANY, **options):
    report = Report()
    files = files_in(folder)
    advanced: list[int] = []
    Uploader(api, TARGET, rules, report, **options).upload(files, advanced.append)
    assert sum(advanced) == len(files)
    return report


def photo(path, collection, *, mine=True):
    name = f"Collection {collection}"
    return {"sha256": digest(path), "collection_id": collection, "mine": mine, "collection": name}


def test_files_that_the_server_has_are_not_sent_as_the_page_does(tmp_path):
    here, elsewhere, somebodys, new = write_photos(tmp_path, 4)
    known = [photo(here, TARGET), photo(elsewhere, 8), photo(somebodys, 9, mine=False)]
    api = Api(known)
    report = uploaded(tmp_path, api)
    assert [name for name, _ in api.sent] == [somebodys.name, new.name]
    assert (report.created, report.duplicate, report.elsewhere) == (2, 2, {"Collection 8": 1})
    every = sorted(digest(path) for path in (here, elsewhere, somebodys, new))
    assert api.asked == [(f"/collections/{TARGET}/existing", every)]


def test_those_of_another_collection_are_sent_if_they_are_wanted_everywhere(tmp_path):
    here, elsewhere = write_photos(tmp_path, 2)
    api = Api([photo(here, TARGET), photo(elsewhere, 8)])
    report = uploaded(tmp_path, api, everywhere=True)
    assert [name for name, _ in api.sent] == [elsewhere.name]
    assert (report.created, report.duplicate, report.elsewhere) == (1, 1, {})


def test_a_file_that_went_away_is_named_and_the_rest_is_sent(tmp_path):
    gone, here = write_photos(tmp_path, 2)
    files = files_in(tmp_path)
    gone.unlink()
    report, api = Report(), Api()
    Uploader(api, TARGET, Rules(), report).upload(files, lambda _: None)
    assert [name for name, _ in api.sent] == [here.name]
    assert report.rejected == [{"file": gone.name, "reason": "This file cannot be read (No such file or directory)."}]


@pytest.mark.parametrize("rules", [Rules(file_bytes=100_000), Rules(2**20, 100_000 + 8192)])
def test_files_over_the_limits_are_named_before_anything_is_read(tmp_path, rules):
    (small,) = write_photos(tmp_path, 1)
    large = tmp_path / "large.jpg"
    large.write_bytes(bytes(100_001))
    api = Api()
    report = uploaded(tmp_path, api, rules)
    assert [name for name, _ in api.sent] == [small.name]
    assert report.rejected == [
        {"file": "large.jpg", "reason": "This file is larger than 0.09537 MB. Send a smaller copy."}
    ]
    assert api.asked[0][1] == [digest(small)]


def test_requests_are_no_larger_than_the_server_takes(tmp_path):
    sizes = [path.stat().st_size for path in write_photos(tmp_path, 6)]
    batches = []

    class Counting(Api):
        def post(self, path, **arguments):
            if path.endswith("/photos"):
                batches.append(len(arguments["files"]))
            return super().post(path, **arguments)

    uploaded(tmp_path, Counting(), Rules(2**20, 2 * (max(sizes) + 8192) + 1))
    assert batches == [2, 2, 2]


@pytest.mark.parametrize(("status", "says"), [(413, "a proxy before it"), (None, "connection was closed")])
def test_a_file_that_a_proxy_does_not_take_is_named_and_the_others_are_sent(tmp_path, status, says):
    paths = write_photos(tmp_path, 5)
    api = Api(refuses={paths[2].name: status})
    report = uploaded(tmp_path, api)
    assert report.created == 4
    ((refused),) = report.rejected
    assert refused["file"] == paths[2].name
    assert says in refused["reason"]


def test_a_server_that_is_away_or_refuses_everything_ends_it(tmp_path):
    (path,) = write_photos(tmp_path, 1)
    away = Api(refuses={path.name: None})
    away.is_away = True
    with pytest.raises(RemoteError, match="cannot be reached"):
        uploaded(tmp_path, away)
    with pytest.raises(RemoteError, match="Refused"):
        uploaded(tmp_path, Api(refuses={path.name: 507}))


def test_names_of_folders_are_made_fit_to_be_categories(tmp_path):
    for number, name in enumerate(("plain", "new\nline", "\u200b", "x" * 250)):
        write_photos(tmp_path / name, 1, first=number)
    api = Api()
    uploaded(tmp_path, api, with_categories=True)
    assert {category for _, category in api.sent} == {"plain", "newline", "", "x" * 200}


def test_names_are_sent_without_control_characters(tmp_path):
    for number, name in enumerate(("new\nline.jpg", "tab\tname.jpg")):
        write_photos(tmp_path, 1, first=number)[0].rename(tmp_path / name)
    api = Api()
    uploaded(tmp_path, api)
    assert [name for name, _ in api.sent] == ["newline.jpg", "tabname.jpg"]


def test_what_is_known_of_a_file_besides_its_bytes_is_sent_with_it(tmp_path):
    first, second = write_photos(tmp_path, 2)
    os.utime(first, (moment := datetime(2019, 3, 21, 10, 11, 12).timestamp(), moment))
    (tmp_path / f"{first.stem}.xmp").write_text("ü" * 20_000)
    (tmp_path / f"{second.name}.json").write_text("{}")
    api = Api()
    assert uploaded(tmp_path, api).created == 2
    (said,) = api.said
    assert said["modified"][0] == "2019-03-21T10:11:12"
    assert said["xmp"] == ["ü" * 2**14, ""]
    assert said["takeout"] == ["", "{}"]


def test_a_photo_goes_without_what_lies_beside_it_where_there_is_no_room_or_it_went_away(tmp_path):
    (path,) = write_photos(tmp_path, 1)
    beside = tmp_path / f"{path.stem}.xmp"
    beside.write_text("<x/>")
    api = Api()
    assert uploaded(tmp_path, api, Rules(2**20, path.stat().st_size + 8192)).created == 1
    files = files_in(tmp_path)
    beside.unlink()
    Uploader(api, TARGET, ANY, Report()).upload(files, lambda _: None)
    assert [said["xmp"] for said in api.said] == [[""], [""]]


def test_a_time_beyond_the_calendar_is_not_sent(tmp_path):
    write_photos(tmp_path, 1)
    files = [replace(file, modified=1e18) for file in files_in(tmp_path)]
    api = Api()
    Uploader(api, TARGET, ANY, Report()).upload(files, lambda _: None)
    assert [said["modified"] for said in api.said] == [[""]]
