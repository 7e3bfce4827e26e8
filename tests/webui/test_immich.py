"""Immich's API as `mindreader import` reads it: what is refused with which sentence, and what is tried again."""

from __future__ import annotations

import base64
import hashlib
import logging
from uuid import UUID

import httpx
import pytest

from mindreader_webui.commands.files import FileRefusedError
from mindreader_webui.commands.sources.immich_api import ImmichApi
from mindreader_webui.commands.sources.immich_assets import Asset as ImmichAsset
from mindreader_webui.commands.sources.immich_errors import ImmichError
from tests.support.immich import KEY, OWNER, PARTNER, Asset, immich
from tests.support.services import free_port


@pytest.fixture
def running():
    with immich(assets=[Asset(f"IMG_{n}.jpg", b"photo %d" % n * 1000) for n in range(5)]) as started:
        yield started


def api(running, key=KEY, path=""):
    return ImmichApi(running.url + path, key, pause=0.001)


def all_assets(client):
    return [asset for page in client.pages() for asset in page]


@pytest.mark.parametrize("path", ["", "/", "/api", "/api/", "/photos"])
def test_photos_come_page_by_page(running, path):
    with api(running, path=path) as client:
        client.check_version()
        assert client.me() == OWNER
        pages = list(client.pages())
    assert [[asset.filename for asset in page] for page in pages] == [
        ["IMG_0.jpg", "IMG_1.jpg"],
        ["IMG_2.jpg", "IMG_3.jpg"],
        ["IMG_4.jpg"],
    ]
    assert client.page_of(pages[0][0]) == f"{running.url}/photos/{running.assets[0].id}"


@pytest.mark.parametrize("names_assets", [True, False])
def test_albums_name_their_photos_in_every_version(running, names_assets):
    running.names_assets_of_albums = names_assets
    running.albums = {"Trip": ["IMG_0.jpg", "IMG_3.jpg", "IMG_4.jpg"], "Empty": []}
    with api(running) as client:
        ((name, ids),) = client.albums()
    assert (name, ids) == ("Trip", [UUID(running.assets[n].id) for n in (0, 3, 4)])


@pytest.mark.parametrize("failure", ["503", "429", "500", "cut", "other"])
def test_what_may_pass_is_tried_again(running, tmp_path, failure):
    running.failures = {"IMG_0.jpg": [failure] * 3, "/search/metadata": ["502", "504"]}
    with api(running) as client:
        asset = all_assets(client)[0]
        assert client.download(asset, tmp_path / "file", 2**20) == len(running.assets[0].content)
    assert (tmp_path / "file").read_bytes() == running.assets[0].content


def test_photos_of_external_libraries_have_the_checksum_of_their_path(running, tmp_path):
    path = "/mnt/photos/Füße.jpg"
    digest = hashlib.sha1(f"path:{path}".encode()).digest()
    running.assets[0].more = {"originalPath": path, "checksum": base64.b64encode(digest).decode()}
    running.failures = {"IMG_0.jpg": ["cut"]}
    with api(running) as client:
        client.download(all_assets(client)[0], tmp_path / "file", 2**20)
    assert (tmp_path / "file").read_bytes() == running.assets[0].content


@pytest.mark.parametrize("failure", ["500", "cut", "other"])
def test_a_file_that_is_never_whole_is_refused_and_the_others_go_on(running, tmp_path, failure):
    running.failures = {"IMG_0.jpg": [failure] * 100}
    with api(running) as client:
        first, second = all_assets(client)[:2]
        with pytest.raises(FileRefusedError, match="Immich does not give this file"):
            client.download(first, tmp_path / "file", 2**20)
        client.download(second, tmp_path / "file", 2**20)
    assert (tmp_path / "file").read_bytes() == running.assets[1].content


def test_a_file_that_is_gone_or_too_large_is_refused(running, tmp_path):
    with api(running) as client:
        first, second = all_assets(client)[:2]
        del running.assets[0]
        with pytest.raises(FileRefusedError, match="does not have this file any more"):
            client.download(first, tmp_path / "file", 2**20)
        with pytest.raises(FileRefusedError, match=r"larger than 0\.0009537 MB"):
            client.download(second, tmp_path / "file", 1000)


def test_an_immich_that_goes_away_is_named_with_what_to_do(tmp_path):
    with immich(assets=[Asset("IMG_0.jpg", b"photo")]) as running:
        client = api(running)
        (asset,) = all_assets(client)
    with client, pytest.raises(ImmichError, match=r"cannot be reached: .*run the command again"):
        client.download(asset, tmp_path / "file", 2**20)


def read_all(client):
    client.check_version()
    client.me()
    list(client.albums())
    all_assets(client)


def test_a_wrong_key_is_refused(running):
    with api(running, "wrong") as client, pytest.raises(ImmichError, match=r"does not take this API key\. Make one"):
        read_all(client)


@pytest.mark.parametrize("lacking", ["asset.read", "album.read", "user.read"])
def test_a_key_without_a_permission_says_which(running, lacking):
    running.permissions.remove(lacking)
    running.albums = {"Trip": ["IMG_0.jpg"]}
    with api(running) as client, pytest.raises(ImmichError, match=f"permission: {lacking}.* It needs the permissions"):
        read_all(client)


def test_a_key_that_may_not_download_stops_it(running, tmp_path):
    running.permissions.remove("asset.download")
    with api(running) as client, pytest.raises(ImmichError, match=r"permission: asset\.download"):
        client.download(all_assets(client)[0], tmp_path / "file", 2**20)


def test_how_many_there_are_is_not_known_where_the_key_may_not_ask(running):
    with api(running) as client:
        assert client.count() is None
        running.permissions.add("asset.statistics")
        assert client.count() == 5


def test_an_old_immich_is_refused(running):
    running.version = (1, 90, 2)
    with api(running) as client, pytest.raises(ImmichError, match=r"Immich 1\.90\.2 is too old\. Upgrade it to"):
        client.check_version()


@pytest.mark.parametrize("path", ["/nowhere", "/api/albums"])
def test_what_is_no_immich_is_refused(running, path):
    with api(running, path=path) as client, pytest.raises(ImmichError, match="is no Immich that can be read"):
        client.check_version()


def test_nobody_there_is_said(running):
    nobody = ImmichApi(f"http://127.0.0.1:{free_port()}", KEY, pause=0.001)
    with nobody, pytest.raises(ImmichError, match="cannot be reached"):
        nobody.check_version()


def test_the_key_does_not_follow_where_a_server_leads(running, monkeypatch):
    asked = []

    def lead(request):
        asked.append(request)
        return httpx.Response(301, headers={"location": "https://elsewhere.test/api"})

    client = api(running)
    monkeypatch.setattr(client, "_http", httpx.Client(base_url=client.url, transport=httpx.MockTransport(lead)))
    with client, pytest.raises(ImmichError, match=r"leads elsewhere: https://elsewhere\.test/api"):
        client.check_version()
    assert len(asked) == 1


@pytest.mark.parametrize("url", ["nas:2283", "ftp://nas", "http://", "http://user:secret@nas", "http://nas?x=1", "/x"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ImmichError, match="is no address of an Immich"):
        ImmichApi(url, KEY)


@pytest.mark.parametrize("key", ["", "ключ", "two\nlines"])
def test_what_is_no_key_is_refused_without_repeating_it(key):
    with pytest.raises(ImmichError, match="This is no API key") as refused:
        ImmichApi("http://nas:2283", key)
    assert not key or key not in str(refused.value)


def test_the_key_is_in_no_log(running, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    running.failures = {"IMG_0.jpg": ["503", "cut", "503"], "/search/metadata": ["502"]}
    with api(running) as client:
        client.download(all_assets(client)[0], tmp_path / "file", 2**20)
    assert running.seen_keys == {KEY}
    assert "Immich answered 503 to /api/assets/" in caplog.text
    assert "metadata. Trying again" not in caplog.text, "once is nothing to be told of"
    assert KEY not in caplog.text


ASIDE = {
    "videos": {"type": "VIDEO"},
    "files that are no photos": {"type": "AUDIO"},
    "photos in the trash": {"isTrashed": True},
    "archived photos": {"isArchived": True},
    "hidden photos": {"visibility": "hidden"},
    "photos in the locked folder": {"visibility": "locked"},
    "photos whose disk is away": {"isOffline": True},
    "photos and videos of other people": {"ownerId": str(PARTNER)},
}


def as_read(**more):
    return ImmichAsset.model_validate(Asset("a.jpg", b"photo", more).as_json())


@pytest.mark.parametrize(("reason", "more"), ASIDE.items(), ids=ASIDE)
def test_what_is_left_aside(reason, more):
    assert as_read(**more).why_left_aside(OWNER) == reason


def test_photos_are_not_left_aside():
    assert as_read().why_left_aside(OWNER) is None
    assert as_read(visibility="archive").why_left_aside(OWNER) == "archived photos"


@pytest.mark.parametrize(
    ("more", "taken_at"),
    [
        ({}, "2019-03-21T10:11:12"),
        ({"localDateTime": None}, "2019-03-21T09:11:12"),
        ({"fileModifiedAt": "2019-03-21T09:11:12.000Z"}, None),
        ({"exifInfo": {"dateTimeOriginal": None}}, None),
        ({"exifInfo": None}, None),
    ],
)
def test_dates_are_by_the_camera_s_clock_and_guesses_are_none(more, taken_at):
    found = as_read(**more).taken_at
    assert (found and found.isoformat()) == taken_at


@pytest.mark.parametrize("more", [{"id": "../../users"}, {"fileCreatedAt": "yesterday"}, {"checksum": None}])
def test_answers_that_cannot_be_understood_are_said(running, more):
    running.assets[0].more = more
    with api(running) as client, pytest.raises(ImmichError, match="cannot be understood"):
        all_assets(client)
