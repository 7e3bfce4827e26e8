"""Somebody signs in at a real OpenID Connect provider, with a browser and a real server, and out of both again."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from tests.support.hands import PASSWORD
from tests.support.openid import CLIENT_ID, CLIENT_SECRET, openid_provider
from tests.support.screens import mainly
from tests.support.server import SERVE, server
from tests.support.services import free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@mainly("phone")
def test_a_person_comes_in_by_the_provider_and_leaves_both(tmp_path, chromium, screen_options):
    """Its pages are on another host, so this browser is not that of the other tests."""
    port = free_port()
    here = f"http://127.0.0.1:{port}"
    with openid_provider(f"{here}/sign-in/openid/callback", back=f"{here}/sign-in") as provider:
        settings = {
            "MINDREADER_PORT": str(port),
            "MINDREADER_OPENID_ISSUER": provider.issuer,
            "MINDREADER_OPENID_CLIENT_ID": CLIENT_ID,
            "MINDREADER_OPENID_CLIENT_SECRET": CLIENT_SECRET,
            "MINDREADER_OPENID_LABEL": "Example ID",
            "MINDREADER_OPENID_CREATE_ACCOUNTS": "true",
        }
        with server(tmp_path / "data", command=SERVE[:-2], **settings) as started:
            assert started.url == here
            httpx.post(f"{here}/api/v1/setup", json={"name": "Root", "password": PASSWORD}).raise_for_status()
            context = chromium.new_context(base_url=here, **screen_options)
            context.set_default_timeout(120_000)
            page = context.new_page()
            page.goto("/account")
            page.get_by_role("link", name="Sign in with Example ID").click()
            page.get_by_placeholder("Enter any login").fill("ada")
            page.get_by_placeholder("and password").fill("any")
            page.get_by_role("button", name="Sign-in").click()
            page.get_by_role("button", name="Continue").click()
            expect(page.get_by_role("heading", name="Account")).to_be_visible()
            expect(page).to_have_url("/account")
            expect(page.locator("#identities")).to_contain_text("ada@example.org")
            page.locator(".menu summary").click()
            page.get_by_role("button", name="Sign out").click()
            page.get_by_role("button", name="Yes, sign me out").click()
            expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
            assert page.url.startswith(f"{here}/sign-in")
            context.close()
