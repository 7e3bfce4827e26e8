"""`mindreader import --from immich` as a person types it: a real server, and a stand-in of Immich's API over HTTP."""

from __future__ import annotations

import pytest

from tests.support import programs
from tests.support.immich import KEY, PARTNER, Asset, immich
from tests.support.photos import write_photos
from tests.support.server import MINDREADER, data_with, environment, mindreader, server
from tests.support.services import wait_until


@pytest.fixture(scope="module")
def running(tmp_path_factory, quick_bundle):
    with server(data_with(tmp_path_factory.mktemp("immich"), quick_bundle)) as started:
        yield started


@pytest.fixture
def taken(running):
    """Names of photos, with where they come from, by collection."""

    def ask(*names):
        with running.api() as api:
            every = {each["name"]: each["id"] for each in api.get("/collections").json()["collections"]}
            return {
                name: {
                    photo["filename"]: [
                        origin["url"] for origin in api.get(f"/photos/{photo['id']}/details").json()["origins"]
                    ]
                    for photo in api.get(f"/collections/{every[name]}/photos").json()["photos"]
                }
                for name in names
                if name in every
            }

    return ask


@pytest.fixture
def photos(tmp_path):
    def make(first, count):
        return [path.read_bytes() for path in write_photos(tmp_path / "made", count, first=first)]

    return make


def run(running, held, *more, status=0, key=KEY):
    command = ("import", "--from", "immich", held.url, *more, "--json")
    return mindreader(running.data_dir, *command, status=status, IMMICH_API_KEY=key)


def page(held, name):
    (found,) = [asset.id for asset in held.assets if asset.name == name]
    return [f"{held.url}/photos/{found}"]


def test_albums_become_collections_and_later_runs_take_only_what_is_new(running, photos, taken):
    alone, trip, both, late = photos(500, 4)
    with immich() as held:
        held.assets = [
            Asset("alone.jpg", alone),
            Asset("trip.jpg", trip),
            Asset("both.jpg", both),
            Asset("film.mp4", b"no photo", {"type": "VIDEO"}),
            Asset("hidden.jpg", b"no photo", {"visibility": "hidden"}),
            Asset("hers.jpg", b"no photo", {"ownerId": str(PARTNER)}),
        ]
        held.albums = {"Norway": ["trip.jpg", "both.jpg"], "Best": ["both.jpg"], "Empty": []}
        command = ("--collection", "The rest", "--wait")
        report = run(running, held, *command)
        assert (report["created"], report["copied"], report["duplicate"], report["rejected"]) == (3, 1, 0, [])
        assert (report["indexed"], sorted(report["collections"])) == (4, ["Best", "Norway", "The rest"])
        aside = {"videos": 1, "hidden photos": 1, "photos and videos of other people": 1}
        assert report["left_aside"] == aside
        expected = {
            "Norway": {name: page(held, name) for name in ("trip.jpg", "both.jpg")},
            "Best": {"both.jpg": page(held, "both.jpg")},
            "The rest": {"alone.jpg": page(held, "alone.jpg")},
        }
        assert taken("Norway", "Best", "The rest", "Empty") == expected
        assert held.downloads == {"alone.jpg": 1, "trip.jpg": 1, "both.jpg": 1}
        with running.api() as api:
            (rest,) = [each for each in api.get("/collections").json()["collections"] if each["name"] == "The rest"]
            (photo,) = api.get(f"/collections/{rest['id']}/photos").json()["photos"]
        assert (photo["taken_at"], photo["date_source"]) == ("2019-03-21T10:11:12", "library")

        held.assets.append(Asset("late.jpg", late))
        held.albums["Best"] += ["late.jpg", "alone.jpg"]
        report = run(running, held, *command)
        assert (report["created"], report["copied"], report["duplicate"]) == (1, 1, 3)
        assert held.downloads == {"alone.jpg": 1, "trip.jpg": 1, "both.jpg": 1, "late.jpg": 1}
        assert taken("Best")["Best"].keys() == {"both.jpg", "late.jpg", "alone.jpg"}
        assert run(running, held, *command)["duplicate"] == 5


def test_what_was_imported_otherwise_is_known_by_its_bytes_and_fetched_once_only(running, photos, taken, tmp_path):
    contents = photos(520, 2)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine.jpg").write_bytes(contents[0])
    mindreader(running.data_dir, "import", tmp_path / "folder", "--collection", "Before", "--json")
    with immich(assets=[Asset("there.jpg", contents[0]), Asset("new.jpg", contents[1])]) as held:
        report = run(running, held, "--collection", "After")
        assert (report["created"], report["duplicate"], report["elsewhere"]) == (1, 1, {"Before": 1})
        assert taken("Before", "After") == {
            "Before": {"mine.jpg": page(held, "there.jpg")},
            "After": {"new.jpg": page(held, "new.jpg")},
        }
        report = run(running, held, "--collection", "After")
        assert (report["duplicate"], report["elsewhere"]) == (2, {"Before": 1})
        assert held.downloads == {"there.jpg": 1, "new.jpg": 1}
        report = run(running, held, "--collection", "After", "--everywhere")
        assert (report["copied"], report["duplicate"]) == (1, 1)
        assert taken("After")["After"].keys() == {"mine.jpg", "new.jpg"}
        assert held.downloads == {"there.jpg": 1, "new.jpg": 1}


def test_failures_in_the_middle_are_tried_again_and_what_stays_broken_is_named(running, photos, taken):
    good, cut, bad = photos(530, 3)
    with immich() as held:
        held.assets = [Asset("good.jpg", good), Asset("cut.jpg", cut), Asset("bad.jpg", bad[:2000])]
        held.assets.append(Asset("gone.jpg", b"", {"exifInfo": None}))
        held.failures = {"cut.jpg": ["cut"], "good.jpg": ["503"], "gone.jpg": ["404"], "/search/metadata": ["502"]}
        report = run(running, held, "--collection", "Middle", status=3)
        assert (report["created"], taken("Middle")["Middle"].keys()) == (2, {"good.jpg", "cut.jpg"})
        assert {each["file"]: each["reason"] for each in report["rejected"]}.keys() == {"bad.jpg", "gone.jpg"}
        again = run(running, held, "--collection", "Middle", status=3)
        assert (again["created"], again["duplicate"]) == (0, 2)
        assert (held.downloads["good.jpg"], held.downloads["cut.jpg"]) == (1, 1)


def test_a_killed_import_goes_on_where_it_was(running, photos, taken, tmp_path):
    names = [f"IMG_{n:02}.jpg" for n in range(40)]
    with immich(assets=[Asset(*pair) for pair in zip(names, photos(540, 40), strict=True)], page_size=100) as held:
        held.holds = names[20]
        command = [*MINDREADER, "import", "--from", "immich", held.url, "--collection", "Killed"]
        with (tmp_path / "said").open("w") as said:
            env = environment(running.data_dir, IMMICH_API_KEY=KEY, TMPDIR=str(tmp_path))
            started = programs.start(command, env=env, stdout=said, stderr=said)
            wait_until(held.blocked.is_set, "the twentieth photo")
            started.kill()
            started.wait()
        before = taken("Killed")["Killed"].keys()
        assert len(before) == 16
        held.holds = ""
        held.released.set()
        held.downloads.clear()
        report = run(running, held, "--collection", "Killed")
        assert (report["created"], report["duplicate"]) == (24, 16)
        assert taken("Killed")["Killed"].keys() == set(names)
        assert before.isdisjoint(held.downloads)


def test_what_stops_it_is_said_with_what_to_do(running):
    with immich(assets=[Asset("a.jpg", b"photo")]) as held:
        said = run(running, held, status=1, key="wrong-key")["printed"]
        assert "does not take this API key" in said
        assert "wrong-key" not in said
        held.permissions.clear()
        assert "It needs the permissions" in run(running, held, status=1)["printed"]
        said = mindreader(running.data_dir, "import", "--from", "immich", held.url, status=2)["printed"]
        assert "IMMICH_API_KEY" in said
        said = run(running, held, "--categories-from-folders", status=2)["printed"]
        assert "goes with folders" in said
        assert "one Immich" in run(running, held, held.url, status=2)["printed"]
    command = ("import", "--from", "immich", "nas:2283", "--api-key", KEY)
    assert "is no address" in mindreader(running.data_dir, *command, status=1)["printed"]
