"""`mindreader import` asks before it sends."""

import hashlib

from mindreader_webui.commands.client import ApiClient
from mindreader_webui.commands.import_photos import Report, _files, _missing
from tests.support.photos import write_photos


class Api(ApiClient):
    """Answers the question which files are there."""

    def __init__(self, known):
        self.known, self.asked = known, []

    def post(self, path, **arguments):
        self.asked.append((path, arguments["json"]["sha256"]))
        return {"existing": self.known}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_files_that_the_collection_has_are_not_sent(tmp_path):
    here, elsewhere, new = write_photos(tmp_path, 3)
    report = Report()
    known = [
        {"sha256": digest(here), "collection_id": 7},
        {"sha256": digest(elsewhere), "collection_id": 8},
    ]
    api = Api(known)
    missing = _missing(api, 7, list(_files(tmp_path, False, report)), report)
    assert [file.path for file in missing] == [elsewhere, new]
    assert report.duplicate == 1
    assert api.asked == [("/collections/7/existing", sorted(digest(path) for path in (here, elsewhere, new)))]


def test_a_file_that_cannot_be_read_is_left_for_the_upload_to_name(tmp_path):
    (photo,) = write_photos(tmp_path, 1)
    report = Report()
    files = list(_files(tmp_path, False, report))
    photo.unlink()
    api = Api([])
    assert _missing(api, 7, files, report) == files
    assert api.asked == []
