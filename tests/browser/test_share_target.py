"""Pictures shared from another app: posted as the system does, kept in the browser, searched with or uploaded."""

from __future__ import annotations

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.support.library import jpeg
from tests.support.screens import mainly

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("service_worker")]


def share(page: Page, *contents: bytes) -> None:
    """Post as the share sheet does: a navigation, to an app whose service worker is there."""
    page.goto("/account")
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    page.reload()
    assert page.evaluate("Boolean(navigator.serviceWorker.controller)")
    page.evaluate(
        """() => { const form = document.createElement("form");
        Object.assign(form, { method: "post", action: "/share-target", enctype: "multipart/form-data", id: "sheet" });
        const input = Object.assign(document.createElement("input"), { type: "file", name: "photos", multiple: true });
        form.append(input); document.body.append(form); }"""
    )
    files: list[FilePayload] = [
        {"name": f"päck {n}.jpg", "mimeType": "image/jpeg", "buffer": content} for n, content in enumerate(contents)
    ]
    page.set_input_files("#sheet input", files)
    page.evaluate("document.getElementById('sheet').submit()")
    expect(page).to_have_url("/share")


@mainly("phone")
def test_a_shared_drawing_is_searched_with_once(page: Page, somebody, sketch_png, keep):
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    share(page, sketch_png)
    expect(page.get_by_text("What shall become of this picture?")).to_be_visible()
    keep("share")
    page.get_by_role("link", name="Search with it").click()
    dialog = page.get_by_role("dialog", name="Search with this picture")
    expect(dialog.get_by_role("button", name="Use")).to_be_enabled()
    expect(page).to_have_url("/")
    page.reload()
    expect(dialog).to_be_hidden()
    page.goto("/share")
    expect(page.get_by_text("There is nothing here")).to_be_visible()
    expect(page.get_by_role("link", name="Add to the library…")).to_be_hidden()


@mainly("phone")
def test_shared_photos_are_uploaded_where_a_person_says(page: Page, somebody):
    share(page, jpeg(1), jpeg(2))
    expect(page.locator("#pictures img")).to_have_count(2)
    expect(page.get_by_role("link", name="Search with it")).to_be_hidden()
    page.get_by_role("link", name="Add to the library…").click()
    page.get_by_label("Name of the new collection").fill("From my phone")
    page.get_by_role("button", name="Upload the 2 shared pictures").click()
    expect(page.locator("#summary")).to_contain_text("2 uploaded")
    expect(page.get_by_role("button", name="Upload the 2 shared pictures")).to_be_hidden()
    page.goto("/library")
    expect(page.get_by_text("From my phone")).to_be_visible()
    expect(page.get_by_text("2 photos")).to_be_visible()


@pytest.mark.slow
@mainly("phone")
def test_what_is_shared_is_forgotten_when_a_person_says_so_or_an_hour_later(page: Page, somebody):
    share(page, jpeg(1))
    page.get_by_role("button", name="Discard").click()
    expect(page).to_have_url("/")
    share(page, jpeg(1))
    page.evaluate(
        """async () => { const cache = await caches.open("mindreader-shared"); const [key] = await cache.keys();
        const kept = await cache.match(key); const headers = new Headers(kept.headers);
        headers.set("X-Shared-At", String(Date.now() - 3_700_000));
        await cache.put(key, new Response(await kept.blob(), { headers })); }"""
    )
    page.reload()
    expect(page.get_by_text("There is nothing here")).to_be_visible()
    kept = "caches.open('mindreader-shared').then((cache) => cache.keys()).then((keys) => keys.length)"
    assert page.evaluate(kept) == 0
