"""The page Account: where one is signed in, access tokens that end; and what administrators see of tokens."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.hands import PASSWORD, add_person, sign_in
from tests.support.screens import mainly

pytestmark = pytest.mark.browser

PHONE = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36"
)
FOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def signed_in_elsewhere(url: str, name: str, user_agent: str) -> httpx.Client:
    client = httpx.Client(base_url=f"{url}/api/v1", headers={"User-Agent": user_agent}, timeout=300)
    client.post("/session", json={"name": name, "password": PASSWORD}).raise_for_status()
    return client


def is_signed_in(client: httpx.Client) -> bool:
    return client.get("/session").status_code == 200


@mainly("phone")
def test_sessions_are_seen_and_ended(page: Page, somebody, mindreader_server, keep):
    phone, fox, other_fox = (signed_in_elsewhere(mindreader_server.url, somebody, each) for each in (PHONE, FOX, FOX))
    page.goto("/account")
    sessions = page.locator("#sessions > li")
    expect(sessions).to_have_count(4)
    expect(sessions.filter(has_text="this browser")).to_have_count(1)
    expect(sessions.first).to_contain_text("this browser")
    expect(sessions.filter(has_text="this browser").get_by_role("button")).to_have_count(0)
    keep("account-sessions")
    page.get_by_role("button", name="Sign out Chrome on Android").click()
    expect(sessions).to_have_count(3)
    assert [is_signed_in(each) for each in (phone, fox, other_fox)] == [False, True, True]
    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(sessions).to_have_count(1)
    expect(page.get_by_role("button", name="Sign out everywhere else")).to_be_hidden()
    assert [is_signed_in(each) for each in (fox, other_fox)] == [False, False]
    page.reload()
    expect(page.get_by_role("heading", name="Account")).to_be_visible()


@mainly("desktop")
def test_another_password_leaves_this_browser_and_its_page_at_work(page: Page, somebody, mindreader_server):
    fox = signed_in_elsewhere(mindreader_server.url, somebody, FOX)
    page.goto("/account")
    expect(page.locator("#sessions > li")).to_have_count(2)
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill("another long one")
    page.get_by_role("button", name="Change password").click()
    expect(page.locator("#status")).to_contain_text("Other browsers are signed out")
    expect(page.locator("#sessions > li")).to_have_count(1)
    assert not is_signed_in(fox)
    page.get_by_label("What is it for?").fill("still here")
    page.get_by_role("button", name="Create token").click()
    expect(page.locator("#tokens")).to_contain_text("still here")


@mainly("desktop")
def test_tokens_end_when_they_are_told_to(page: Page, somebody, mindreader_server, keep):
    page.goto("/account")
    for name, lifetime in (("My laptop", "a year"), ("Backup job", "as long as nobody revokes it")):
        page.get_by_label("What is it for?").fill(name)
        page.get_by_label("It works for").select_option(label=lifetime)
        page.get_by_role("button", name="Create token").click()
        expect(page.locator("#tokens")).to_contain_text(name)
    laptop, backup = (page.locator("#tokens > li", has_text=name) for name in ("My laptop", "Backup job"))
    expect(laptop).to_contain_text(re.compile(r"works until .*\d+.*never used"))
    expect(backup).to_contain_text("works until it is revoked")
    secret = page.locator("#secret code").inner_text()
    bearer = {"Authorization": f"Bearer {secret}"}
    assert httpx.get(f"{mindreader_server.url}/api/v1/session", headers=bearer).status_code == 200
    page.reload()
    expect(backup).to_contain_text("last used")
    keep("account-tokens")
    page.emulate_media(color_scheme="dark")
    keep("account-tokens-dark")
    page.get_by_role("button", name="Revoke Backup job").click()
    expect(page.locator("#tokens > li")).to_have_count(1)
    assert httpx.get(f"{mindreader_server.url}/api/v1/session", headers=bearer).status_code == 401


@mainly("desktop")
def test_administrators_end_the_tokens_of_others(page: Page, mindreader_server, keep):
    sign_in(page, add_person(mindreader_server, "Boss", "admin"))
    name = add_person(mindreader_server, "Ann")
    ann = signed_in_elsewhere(mindreader_server.url, name, FOX)
    page_token = re.findall(r'name="csrf-token" content="([^"]+)"', ann.get("../../account").text)[0]
    for each in ("laptop", "camera", "script"):
        ann.post("/tokens", json={"name": each}, headers={"X-CSRFToken": page_token}).raise_for_status()
    page.goto("/admin/users")
    card = page.locator("#users > li", has=page.get_by_role("heading", name=name))
    card.get_by_role("button", name="Access tokens").click()
    tokens = page.locator("#dialog li")
    expect(tokens).to_have_count(3)
    keep("users-tokens")
    page.get_by_role("button", name="Revoke camera").click()
    expect(tokens).to_have_count(2)
    page.get_by_role("button", name="Done").click()
    card.get_by_role("button", name="Set a password").click()
    page.get_by_label("New password, at least 10 characters").fill("another long one")
    expect(page.get_by_label("End their access tokens too")).to_be_checked()
    keep("users-password")
    page.get_by_role("button", name="Set the password").click()
    expect(page.locator("#status")).to_contain_text("The password is set")
    assert not is_signed_in(ann)
    card.get_by_role("button", name="Access tokens").click()
    expect(page.locator("#dialog")).to_contain_text("There are none.")
