"""Take the pictures of docs/screens.md: every screen, at a desk and on a phone, light and dark.

    make screens                  with drawn scenes, which everybody may publish: these are the pictures in docs/
    make screens PHOTOS=folder    with the photos of a folder (its sub-folders are categories), into artefacts/screens

It starts a MindReader of its own and drives it with Chromium, as the tests do.
"""

from __future__ import annotations

import argparse
import io
import math
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from mindreader.bundles.archive import pack_bundle
from tests.support.bundles import write_untrained_bundle
from tests.support.hands import PASSWORD, about_it, circle, mouse, set_up
from tests.support.screens import launched
from tests.support.server import Server, server

HEIGHT = 640
SCREENS = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 405, "height": 900}}
SCHEMES = ("light", "dark")
EACH = 9
SIDE = 384
BICYCLE = [
    circle(0.27, 0.63, 0.17),
    circle(0.73, 0.63, 0.17),
    [(0.27, 0.63), (0.42, 0.38), (0.64, 0.38), (0.73, 0.63)],
    [(0.42, 0.38), (0.48, 0.63), (0.64, 0.38)],
    [(0.64, 0.38), (0.62, 0.3), (0.7, 0.3)],
    [(0.37, 0.34), (0.46, 0.34)],
]
Shots = dict[str, Callable[[Page], None]]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--photos", type=Path, help="a folder of photos, in place of drawn scenes")
    asked.add_argument("--only", nargs="*", choices=SHOTS, default=list(SHOTS), help="these screens alone")
    given = asked.parse_args()
    out = ROOT / "artefacts" / "screens" if given.photos else Path(__file__).parent
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        photos = given.photos or write_scenes(folder / "scenes")
        with server(folder / "data", MINDREADER_TRASH_DAYS="30") as started:
            state = prepare(browser, started, photos, folder, out)
            for screen in given.only:
                take(browser, started, state, screen, SHOTS[screen], out)


def prepare(browser: Browser, started: Server, photos: Path, folder: Path, out: Path) -> Path:
    """Somebody who signed up, two collections, a trash, a second model version with its job; returns the session."""
    take(browser, started, None, "welcome", lambda page: page.goto("/"), out)
    context = browser.new_context(base_url=started.url)
    set_up(context.new_page())
    context.storage_state(path=folder / "state.json")
    with started.api() as api:
        fill(api, photos)
        bundle = write_untrained_bundle(folder / "bundle", name="a newer one")
        pack_bundle(bundle, folder / "bundle.zip")
        added = api.post("/models", files={"bundle": (folder / "bundle.zip").read_bytes()}).raise_for_status().json()
        api.post(f"/spaces/{added['space_id']}/build").raise_for_status()
    page = context.new_page()
    page.goto("/library")
    expect(page.locator("#collections")).not_to_contain_text("being prepared for searching", timeout=300_000)
    page.goto("/admin/jobs")
    expect(page.locator("#jobs")).to_contain_text("done", timeout=300_000)
    context.close()
    take(browser, started, None, "sign-in", lambda page: page.goto("/"), out)
    return folder / "state.json"


def fill(api: httpx.Client, photos: Path) -> None:
    api.post("/users", json={"name": "Grace", "password": PASSWORD, "role": "member"}).raise_for_status()
    things = api.post("/collections", json={"name": "Things we saw"}).raise_for_status().json()["id"]
    api.post("/collections", json={"name": "Summer", "visibility": "shared"}).raise_for_status()
    api.post(f"/collections/{things}/people", json={"name": "Grace"}).raise_for_status()
    last = 0
    for path in sorted(path for path in photos.rglob("*") if path.is_file()):
        sent = {"file": (path.name, path.read_bytes())}
        answer = api.post(f"/collections/{things}/photos", files=sent, data={"category": path.parent.name})
        last = answer.raise_for_status().json()["outcomes"][0]["photo_id"]
    api.delete(f"/photos/{last}").raise_for_status()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


def take(
    browser: Browser, started: Server, state: Path | None, name: str, show: Callable[[Page], None], out: Path
) -> None:
    """One picture of a screen: desk and phone, light and dark, side by side."""
    shots = []
    for scheme in SCHEMES:
        for viewport in SCREENS.values():
            context = browser.new_context(
                base_url=started.url, viewport=viewport, color_scheme=scheme, storage_state=state
            )
            page = context.new_page()
            show(page)
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(300)
            shots.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
            context.close()
    side_by_side(shots).save(out / f"{name}.webp", quality=72, method=6)


def side_by_side(shots: list[Image.Image]) -> Image.Image:
    scaled = [shot.resize((shot.width * HEIGHT // shot.height, HEIGHT), Image.Resampling.LANCZOS) for shot in shots]
    gap = 12
    sheet = Image.new("RGB", (sum(shot.width + gap for shot in scaled) - gap, HEIGHT), (128, 128, 136))
    left = 0
    for shot in scaled:
        sheet.paste(shot, (left, 0))
        left += shot.width + gap
    return sheet


# What is shown


def at(path: str) -> Callable[[Page], None]:
    return lambda page: page.goto(path) and None


def drawn(page: Page) -> None:
    page.goto("/")
    box = page.locator("#canvas").bounding_box()
    for stroke in BICYCLE:
        mouse(page, [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke])
    expect(page.locator("#results li[data-index]").first).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Search", exact=True).click()  # on a phone, to the other screen
    page.wait_for_timeout(1500)


def looked_at(page: Page) -> None:
    drawn(page)
    page.locator("#results button").first.click()
    about_it(page)


def choosing(page: Page) -> None:
    page.goto("/library/1")
    page.locator("#photos [data-index] button").first.wait_for()
    page.locator("#select").click()
    for place in (0, 2, 3):
        page.locator("#photos [data-index] button").nth(place).click()


def sharing(page: Page) -> None:
    page.goto("/library")
    page.get_by_role("button", name="Share…").last.click()


def measured(page: Page) -> None:
    page.goto("/quality")
    page.locator("#measure").click()
    expect(page.locator("#quality")).to_be_visible(timeout=60_000)


def compared(page: Page) -> None:
    page.goto("/admin/compare")
    box = page.locator("canvas").bounding_box()
    for stroke in BICYCLE:
        mouse(page, [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke])
    page.get_by_role("button", name="Compare with this sketch").click()
    expect(page.locator("#answer img").first).to_be_visible(timeout=60_000)
    page.locator("#answer img").first.scroll_into_view_if_needed()


def a_job(page: Page) -> None:
    page.goto("/admin/jobs")
    page.locator("#jobs a").first.click()


SHOTS: Shots = {
    "draw": at("/"),
    "results": drawn,
    "photo": looked_at,
    "library": at("/library"),
    "collection": at("/library/1"),
    "choosing": choosing,
    "sharing": sharing,
    "upload": at("/upload"),
    "trash": at("/trash"),
    "quality": measured,
    "account": at("/account"),
    "models": at("/admin/models"),
    "jobs": at("/admin/jobs"),
    "job": a_job,
    "compare": compared,
    "users": at("/admin/users"),
    "system": at("/admin/workers"),
    "offline": at("/offline"),
}


# Scenes, drawn so that they may be published


def write_scenes(folder: Path) -> Path:
    """`EACH` pictures of each subject, in folders of its name."""
    for subject, paint in SCENES.items():
        (folder / subject).mkdir(parents=True)
        for number in range(EACH):
            random = np.random.default_rng([number, *subject.encode()])
            image = ground(random)
            paint(ImageDraw.Draw(image), random)
            grain = random.normal(0, 5, (SIDE, SIDE, 1))
            pixels = np.clip(np.asarray(image.filter(ImageFilter.GaussianBlur(0.8))) + grain, 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / subject / f"{subject}-{number}.jpg", quality=90)
    return folder


def ground(random: np.random.Generator) -> Image.Image:
    """A sky over something to stand on."""
    sky, far, near = (random.integers(low, low + 70, 3) for low in (170, 140, 60))
    near[1] += 40
    horizon = int(SIDE * random.uniform(0.55, 0.7))
    rows = np.linspace(0, 1, horizon)[:, None]
    upper = sky * (1 - rows) + far * rows
    lower = np.linspace(1, 0.6, SIDE - horizon)[:, None] * near
    return Image.fromarray(np.repeat(np.vstack([upper, lower])[:, None], SIDE, axis=1).astype(np.uint8))


def colour(random: np.random.Generator, low: int = 30, high: int = 220) -> tuple[int, ...]:
    return tuple(int(channel) for channel in random.integers(low, high, 3))


def bicycle(draw: ImageDraw.ImageDraw, random: np.random.Generator) -> None:
    frame, size = colour(random, 20, 200), SIDE * random.uniform(0.75, 0.95)
    left, top = (SIDE - size) / 2, (SIDE - size) / 2 + 10
    for number, stroke in enumerate(BICYCLE):
        points = [(left + x * size, top + y * size) for x, y in stroke]
        draw.line(points, fill=(30, 30, 34) if number < 2 else frame, width=int(size / 36), joint="curve")
    for x in (0.27, 0.73):
        hub = (left + x * size, top + 0.63 * size)
        for spoke in range(12):
            turn = spoke * math.pi / 6
            rim = (hub[0] + 0.165 * size * math.cos(turn), hub[1] + 0.165 * size * math.sin(turn))
            draw.line([hub, rim], fill=(150, 150, 155), width=1)


def house(draw: ImageDraw.ImageDraw, random: np.random.Generator) -> None:
    width, height = SIDE * random.uniform(0.4, 0.6), SIDE * random.uniform(0.25, 0.35)
    left, base = (SIDE - width) / 2 + random.uniform(-20, 20), SIDE * 0.78
    draw.rectangle((left, base - height, left + width, base), fill=colour(random, 150, 245))
    roof = [(left - 18, base - height), (left + width / 2, base - height * 1.8), (left + width + 18, base - height)]
    draw.polygon(roof, fill=colour(random, 60, 170))
    draw.rectangle((left + width * 0.42, base - height * 0.6, left + width * 0.58, base), fill=colour(random, 40, 120))
    for x in (0.12, 0.68):
        box = (left + width * x, base - height * 0.75, left + width * (x + 0.2), base - height * 0.4)
        draw.rectangle(box, fill=(120, 160, 190), outline=(250, 250, 250), width=4)


def sailboat(draw: ImageDraw.ImageDraw, random: np.random.Generator) -> None:
    middle, water, size = SIDE / 2 + random.uniform(-40, 40), SIDE * 0.72, SIDE * random.uniform(0.28, 0.4)
    draw.rectangle((0, water - 8, SIDE, SIDE), fill=(40, int(random.integers(90, 130)), int(random.integers(130, 180))))
    hull = [(-1, 0), (1, 0), (0.7, 0.35), (-0.7, 0.35)]
    draw.polygon([(middle + x * size, water + y * size) for x, y in hull], fill=colour(random, 40, 200))
    draw.line([(middle, water), (middle, water - size * 1.6)], fill=(90, 60, 40), width=5)
    for sail in ([(0.06, -1.55), (0.06, -0.12), (0.85, -0.12)], [(-0.06, -1.3), (-0.06, -0.12), (-0.65, -0.12)]):
        draw.polygon([(middle + x * size, water + y * size) for x, y in sail], fill=colour(random, 190, 255))


def apple(draw: ImageDraw.ImageDraw, random: np.random.Generator) -> None:
    radius = SIDE * random.uniform(0.22, 0.32)
    x, y = SIDE / 2 + random.uniform(-30, 30), SIDE * 0.58
    red = [(200, 30, 40), (130, 180, 40), (230, 190, 60)][random.integers(3)]
    for shade in range(12):
        r = radius * (1 - shade / 16)
        tint = tuple(min(255, channel + shade * 6) for channel in red)
        box = (x - r * 1.05 - shade * 2, y - r - shade * 2, x + r * 1.05 - shade * 2, y + r - shade * 2)
        draw.ellipse(box, fill=tint)
    draw.line([(x, y - radius * 0.85), (x + 10, y - radius * 1.3)], fill=(90, 60, 30), width=7)
    draw.ellipse((x + 8, y - radius * 1.3, x + 70, y - radius * 1.05), fill=(70, 140, 50))


def fish(draw: ImageDraw.ImageDraw, random: np.random.Generator) -> None:
    draw.rectangle((0, 0, SIDE, SIDE), fill=(20, int(random.integers(80, 140)), int(random.integers(130, 190))))
    x, y, size, skin = SIDE / 2, SIDE / 2, SIDE * random.uniform(0.25, 0.34), colour(random, 110, 255)
    draw.polygon([(x - size * 0.8, y), (x - size * 1.4, y - size * 0.45), (x - size * 1.4, y + size * 0.45)], fill=skin)
    draw.ellipse((x - size, y - size * 0.5, x + size, y + size * 0.5), fill=skin)
    draw.polygon([(x - 10, y - size * 0.45), (x + 30, y - size * 0.85), (x + 50, y - size * 0.35)], fill=skin)
    eye = (x + size * 0.6, y - size * 0.12)
    draw.ellipse((eye[0] - 9, eye[1] - 9, eye[0] + 9, eye[1] + 9), fill=(255, 255, 255))
    draw.ellipse((eye[0] - 4, eye[1] - 4, eye[0] + 4, eye[1] + 4), fill=(0, 0, 0))


def tree(draw: ImageDraw.ImageDraw, random: np.random.Generator) -> None:
    x, base, size = SIDE / 2 + random.uniform(-40, 40), SIDE * 0.85, SIDE * random.uniform(0.28, 0.36)
    draw.polygon([(x - 16, base), (x + 16, base), (x + 8, base - size), (x - 8, base - size)], fill=(95, 65, 40))
    for _ in range(60):
        turn, far, r = random.uniform(0, 2 * math.pi), random.uniform(0, size * 0.7), size * random.uniform(0.12, 0.25)
        leaf = (x + far * math.cos(turn), base - size * 1.3 + far * math.sin(turn))
        green = (int(random.integers(30, 110)), int(random.integers(100, 170)), int(random.integers(20, 70)))
        draw.ellipse((leaf[0] - r, leaf[1] - r, leaf[0] + r, leaf[1] + r), fill=green)


SCENES = {"apple": apple, "bicycle": bicycle, "fish": fish, "house": house, "sailboat": sailboat, "tree": tree}


if __name__ == "__main__":
    main()
