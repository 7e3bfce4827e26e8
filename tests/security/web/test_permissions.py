"""Everything is closed unless it is opened here: every endpoint x everyone who may ask, in every way they may ask.

What is expected stands in `tests.support.endpoints`: MATRIX says it for each thing of Ann's and each person; what a
token's scope takes away follows from the rules the views carry (`mindreader_webui.access`).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest

from mindreader.catalog import TokenScope
from mindreader_webui.access import ADMIN, ANYONE
from mindreader_webui.services import current_services
from tests.support.endpoints import COLUMN, IDS, MATRIX, NOWHERE, PEOPLE, World, arguments, routes
from tests.support.web import Person, access_of, given

SCOPES = tuple(TokenScope)
COOKIE = "mindreader_session"


def expected(method: str, path: str, who: str) -> int:
    return MATRIX[method, path][COLUMN.get(who, PEOPLE.index(who))]


def asked(world: World, person: Person, questions=None) -> Iterator[tuple]:
    """Every answer; each is given in the world as it was made, where the person has just asked something.

    Args:
        questions: method, path and ids of each; by default whatever the matrix knows.
    """
    person.get("/session")
    world.keep()
    cookie = person.client.get_cookie(COOKIE)
    for method, path, ids in questions or [(*key, world.ids) for key in MATRIX]:
        yield method, path, person.ask(method, path.format(**ids), **arguments(method, path, ids))
        if method != "GET":
            world.restore()
            if cookie:
                person.client.set_cookie(COOKIE, cookie.value)


def rules_of(app):
    return {(method, path): access_of(app, endpoint) for endpoint, method, path in routes(app)}


def wrong_ones(answers, right: Callable[[str, str], int]) -> dict:
    wrong = {}
    for method, path, answer in answers:
        problem = answer.status_code < 400 or answer.content_type == "application/problem+json"
        if answer.status_code != right(method, path) or not problem:
            wrong[method, path] = (answer.status_code, right(method, path), answer.text[:300])
    return wrong


@pytest.mark.parametrize("who", PEOPLE)
def test_who_may_do_what(world_for, who):
    world = world_for(who)
    answers = asked(world, world.asker(who))
    assert wrong_ones(answers, lambda method, path: expected(method, path, who)) == {}


@pytest.mark.parametrize("who", [each for each in PEOPLE if each != "nobody"])
def test_at_a_browser_people_may_do_the_same(world_for, who):
    world = world_for(who)
    answers = asked(world, world.at_browser(world.asker(who)))
    assert wrong_ones(answers, lambda method, path: expected(method, path, who)) == {}


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("who", ["owner", "admin", "other, shared"])
def test_a_token_does_what_its_scope_and_its_person_may(world_for, who, scope):
    """An administrator's lesser token is one of a member who owns nothing here."""
    world = world_for(who)
    rules = rules_of(world.app)
    person = "other, private" if who == "admin" and scope != TokenScope.FULL else who

    def right(method: str, path: str) -> int:
        least = rules[method, path].least_scope(method)
        return expected(method, path, person) if SCOPES.index(scope) >= SCOPES.index(least) else 403

    answers = asked(world, world.token(world.asker(who), scope))
    assert wrong_ones(answers, right) == {}


def named(method: str, path: str) -> list[str]:
    """What the address names."""
    return [letter for letter in IDS.values() if f"{{{letter}}}" in path]


# What has no address names its things in the body or the query.
IN_BODY = {
    ("POST", "/public-links"): "c",
    ("POST", "/photos/category"): "p",
    ("POST", "/photos/delete"): "p",
    ("POST", "/photos/move"): "p",
    ("POST", "/photos/copy"): "p",
    ("GET", "/photos/archive"): "p",
    ("POST", "/trash/photos/restore"): "b",
    ("POST", "/trash/photos/remove"): "b",
}
# Of a job's photos those are there that failed; to try one again or skip it that did not is a conflict.
NOT_THERE = {("/jobs/{j}/failed/{p}/retry", "p"): 409, ("/jobs/{j}/failed/{p}/skip", "p"): 409}
WITH_THINGS = [key for key in MATRIX if named(*key) or key in IN_BODY]


@pytest.mark.parametrize("who", ["owner", "admin", "other, private"])
def test_what_does_not_exist_is_not_found_by_anybody(world_for, who):
    world = world_for(who)
    named_there = [(*key, letter) for key in WITH_THINGS for letter in named(*key) or [IN_BODY[key]]]
    questions = [(method, path, world.ids | {letter: NOWHERE}) for method, path, letter in named_there]
    wrong = {}
    for (*_, letter), (method, path, answer) in zip(
        named_there, asked(world, world.asker(who), questions), strict=True
    ):
        refused = MATRIX[method, path][1] == 403 and who != "admin"
        if answer.status_code != (403 if refused else NOT_THERE.get((path, letter), 404)):
            wrong[method, path, letter] = (answer.status_code, answer.text[:300])
    assert wrong == {}


def test_a_stranger_cannot_tell_what_is_kept_from_her_from_what_is_not_there(world):
    """Word for word, on every endpoint that names a thing."""
    hidden = [key for key in WITH_THINGS if MATRIX[key][PEOPLE.index("other, private")] == 404]
    assert len(hidden) > 20
    hers = asked(world, world.bob, [(*key, world.ids) for key in hidden])
    told = {(method, path): answer for method, path, answer in hers}
    nothing = asked(world, world.bob, [(*key, dict.fromkeys(world.ids, NOWHERE)) for key in hidden])
    wrong = {}
    for method, path, answer in nothing:
        if words(told[method, path]) != words(answer):
            wrong[method, path] = (told[method, path].text, answer.text)
    assert wrong == {}


def words(answer) -> dict:
    """What an answer says, without what it repeats of the question."""
    return {name: value for name, value in given(answer).items() if name not in ("instance", "request_id")}


def test_the_matrix_knows_every_endpoint(app):
    rules = rules_of(app)
    assert {key for key, rule in rules.items() if rule.caller is not ANYONE} == MATRIX.keys()
    for key, statuses in MATRIX.items():
        for_admins = all(status == 403 for status in statuses[1:4])
        assert (rules[key].caller is ADMIN) == for_admins, key


# Pages and what operators ask: statuses for nobody, a member, an administrator; 302 leads to the page Sign in.
PAGES = {
    "/": (302, 200, 200),
    "/upload": (302, 200, 200),
    "/share": (302, 200, 200),
    "/photos": (302, 200, 200),
    "/library": (302, 200, 200),
    "/library/{c}": (302, 404, 200),  # of somebody else
    "/shared/{x}": (200, 200, 200),
    "/trash": (302, 200, 200),
    "/account": (302, 200, 200),
    "/quality": (302, 200, 200),
    "/admin": (302, 403, 302),
    "/admin/models": (302, 403, 200),
    "/admin/jobs": (302, 403, 200),
    "/admin/jobs/{j}": (302, 403, 200),
    "/admin/compare": (302, 403, 200),
    "/admin/users": (302, 403, 200),
    "/admin/workers": (302, 403, 200),
    "/setup": (302, 302, 302),
    "/sign-in": (200, 302, 302),
    "/sign-in/openid": (404, 404, 404),  # there is no provider
    "/sign-in/openid/callback": (404, 404, 404),
    "/offline": (200, 200, 200),
    "/manifest.webmanifest": (200, 200, 200),
    "/sw.js": (200, 200, 200),
    "/healthz": (200, 200, 200),
    "/readyz": (503, 503, 503),
    "/metrics": (404, 404, 404),
    "/openapi/openapi.json": (200, 200, 200),
}


@pytest.mark.parametrize("who", ["nobody", "other, private", "admin"])
def test_who_sees_which_page(world_for, who):
    world = world_for(who)
    client = world.app.test_client() if who == "nobody" else world.browser(world.asker(who))
    column = ("nobody", "other, private", "admin").index(who)
    wrong = {}
    for page, statuses in PAGES.items():
        address = page.format(**world.ids)
        for method in ("GET", "HEAD"):
            answer = client.open(address, method=method)
            asks = answer.status_code == 302 and (answer.location or "").startswith("/sign-in?next=")
            needs = who == "nobody" and statuses[0] == 302 and page != "/setup"
            if (answer.status_code, asks) != (statuses[column], needs):
                wrong[method, page] = (answer.status_code, answer.location)
    assert wrong == {}


def test_the_table_knows_every_page(app):
    pages = {rule.rule for rule in app.url_map.iter_rules() if not rule.rule.startswith("/api/")}
    known = {page.replace("{c}", "<int(max=2147483647):collection_id>") for page in PAGES}
    known = {page.replace("{j}", "<int(max=2147483647):job_id>") for page in known}
    known = {page.replace("{x}", "<string(length=43):link_secret>") for page in known}
    assert pages - known == {"/static/<path:filename>", "/share-target"}  # the second is no page: it leads to one
    assert known - pages == set()


@pytest.mark.parametrize("who", PEOPLE)
def test_asking_for_the_head_alone_opens_nothing(world_for, who):
    world = world_for(who)
    person = world.asker(who)
    looked = [path for method, path in MATRIX if method == "GET"]
    more = {path: arguments("GET", path, world.ids) for path in looked}
    found = {path: person.ask("HEAD", path.format(**world.ids), **more[path]).status_code for path in looked}
    assert found == {path: expected("GET", path, who) for path in looked}


# What shows a public link's photos asks for its secret, and for nothing else (tests/security/web/test_public_links.py).
VISITS = ("visit", "visit_photos", "visit_sketch", "visit_thumbnail", "visit_preview", "visit_original")


def test_exactly_these_endpoints_are_open(app):
    open_to_all = {endpoint for endpoint in app.view_functions if access_of(app, endpoint).caller is ANYONE}
    pages = {f"pages.{name}" for name in ("set_up", "sign_in", "offline", "manifest", "service_worker", "share_target")}
    visits = {f"visits.{name}" for name in VISITS} | {"pages.public_link"}
    visits |= {"openid.begin", "openid.come_back"}
    operators = {"health.healthz", "health.readyz", "metrics.show"}
    assert open_to_all == {"accounts.set_up", "accounts.sign_in", "static", "openapi"} | pages | operators | visits


def test_an_endpoint_that_does_not_say_who_may_ask_answers_nobody(app, admin):
    app.add_url_rule("/api/v1/new", "new", lambda: "secret")
    app.add_url_rule("/new", "new_page", lambda: "secret")
    assert admin.get("/new").status_code == 403
    assert admin.client.get("/new", headers=admin.headers).status_code == 403


MULTIPART = {"searches.search", "models.add_model"}


@pytest.mark.parametrize("endpoint", ["accounts.sign_in", "searches.search", "models.add_model", "bulk.label"])
def test_a_larger_body_is_refused_before_it_is_read(app, admin, services, endpoint):
    rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == endpoint)
    limit = access_of(app, endpoint).body_limit(services.settings)
    kind = "multipart/form-data; boundary=x" if endpoint in MULTIPART else "application/json"
    body = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(limit + 1), "CONTENT_TYPE": kind}
    answer = admin.client.post(rule.rule, headers=admin.headers, environ_overrides=body)
    assert answer.status_code == 413


class Unread(io.RawIOBase):
    """A body nobody may read."""

    def readable(self):
        return True

    def readinto(self, _buffer):
        raise AssertionError("the body was read")


def test_lists_name_nothing_the_caller_may_not_see(ann, bob):
    ann.collection("Secret")
    assert "Secret" not in bob.get("/collections").text


def test_the_services_belong_to_the_app(app, services):
    with app.app_context():
        assert current_services() is services
