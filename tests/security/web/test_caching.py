"""Who may keep an answer: pictures in their own browser, what is the same for everybody anywhere, all else nobody."""

from __future__ import annotations

import pytest

from tests.support.endpoints import MATRIX, NOWHERE, arguments
from tests.support.web import Person

PICTURES = {
    "/photos/{p}/thumbnail",
    "/photos/{p}/preview",
    "/photos/{p}/original",
    "/trash/photos/{b}/thumbnail",
    "/searches/{h}/sketch",
}
LOOKED = [path for method, path in MATRIX if method == "GET"]
PAGES = (
    "/",
    "/upload",
    "/library",
    "/library/{c}",
    "/trash",
    "/account",
    "/quality",
    "/admin/jobs/{j}",
    "/shared/{x}",
    "/sign-in",
    "/setup",
)
SAME_FOR_ALL = ("/sw.js", "/manifest.webmanifest", "/static/style.css", "/static/app.js")


def by_whom(answer) -> set[str]:
    return {each.partition("=")[0].strip() for each in answer.headers.get("Cache-Control", "").split(",")}


@pytest.mark.parametrize("way", ["token", "cookie"])
def test_what_only_some_may_see_is_kept_by_nobody_else(world, way):
    asker = world.admin if way == "token" else Person(world.browser(world.admin))
    hers = world.ann if way == "token" else Person(world.browser(world.ann))
    wrong = {}
    for path in LOOKED:
        person = hers if "{h}" in path else asker
        answer = person.get(path.format(**world.ids), **arguments("GET", path, world.ids))
        kept = {"private", "max-age", "immutable"} if path in PICTURES else {"no-store"}
        if by_whom(answer) != kept:
            wrong[path] = (answer.status_code, answer.headers.get("Cache-Control"))
    assert wrong == {}


@pytest.mark.parametrize("path", sorted(PICTURES))
def test_the_next_person_at_this_browser_asks_for_a_picture_again(world, path):
    """Another cookie, another token: another answer, as the browser's own cache knows by `Vary`."""
    for person in (world.ann, Person(world.browser(world.ann))):
        answer = person.get(path.format(**world.ids))
        assert answer.status_code == 200
        assert {"Cookie", "Authorization"} <= {each.strip() for each in answer.headers["Vary"].split(",")}


@pytest.mark.parametrize("path", sorted(PICTURES))
def test_a_picture_one_has_already_is_not_confirmed_to_a_stranger(world, path):
    address = path.format(**world.ids)
    tag = world.ann.get(address).headers.get("ETag", '"x"')
    for person in (world.bob, world.nobody):
        headers = person.headers | {"If-None-Match": tag, "Range": "bytes=0-9"}
        assert person.client.get(f"/api/v1{address}", headers=headers).status_code in (401, 404)


def test_pages_are_kept_by_nobody(world):
    for client in (world.app.test_client(), world.browser(world.admin)):
        for page in PAGES:
            assert by_whom(client.get(page.format(**world.ids))) == {"no-store"}, page


def test_refusals_are_kept_by_nobody(world):
    """A cache that kept them would go on refusing what was shared a moment later."""
    wrong = {}
    for person in (world.nobody, world.bob):
        for path in LOOKED:
            for ids in (world.ids, dict.fromkeys(world.ids, NOWHERE)):
                answer = person.get(path.format(**ids), **arguments("GET", path, ids))
                if answer.status_code >= 400 and by_whom(answer) != {"no-store"}:
                    wrong[path] = (answer.status_code, answer.headers.get("Cache-Control"))
    assert wrong == {}
    assert by_whom(world.app.test_client().get("/nothing")) == {"no-store"}


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
def test_answers_to_changes_are_kept_by_nobody(world, method):
    for path in {path for _, path in MATRIX}:
        answer = world.ann.ask(method, path.format(**world.ids))
        assert by_whom(answer) == {"no-store"}, path


def test_what_is_the_same_for_everybody_is_asked_for_again_and_sets_no_cookie(world):
    for path in SAME_FOR_ALL:
        answer = world.browser(world.ann).get(path)
        assert (answer.status_code, by_whom(answer)) == (200, {"no-cache"}), path
        assert "Set-Cookie" not in answer.headers
