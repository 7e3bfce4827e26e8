"""How long pages of a collection of a hundred thousand photos take: in the catalog, and in Chromium.

    .venv/bin/python bench/large_library.py --photos 100000

First the best of some tries of each kind of page, straight from SQLite, the days of lists, and the counts of the
library. Then, at a desk and on a phone: when something is painted first, and the tasks that kept the
page from answering while one scrolls (a person notices about 100 ms).
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parents[1]))

from mindreader.catalog import Catalog, EmbeddingSpace, User
from mindreader.library.collections import summary
from mindreader.settings import load_settings
from tests.support.hands import NAME, set_up
from tests.support.large_library import add_large_collection, days_of, fill, lists_of, pages_of
from tests.support.screens import SCREENS, launched
from tests.support.server import server

PAGE = 120
SCREENFULS = 40
WATCH = """
globalThis.longTasks = [];
new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((entry) => entry.duration)))
  .observe({ type: "longtask", buffered: true });
"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=100_000)
    photos = parser.parse_args().photos
    with (
        tempfile.TemporaryDirectory() as folder,
        server(Path(folder) / "data") as running,
        sync_playwright() as playwright,
    ):
        chromium = launched(playwright)
        context = chromium.new_context(base_url=running.url)
        set_up(context.new_page())
        state = context.storage_state()
        collection = fill_catalog(running.data_dir, photos)
        for name, options in SCREENS.items():
            context = chromium.new_context(base_url=running.url, storage_state=state, **options)
            print(f"{name}: {scroll(context.new_page(), collection)}")
        chromium.close()


def fill_catalog(data_dir: Path, photos: int) -> int:
    catalog = Catalog(load_settings({"MINDREADER_DATA_DIR": str(data_dir)}).catalog_url)
    with catalog.snapshot() as session:
        ada = session.scalars(select(User).where(User.name == NAME)).one()
        space = session.scalars(select(EmbeddingSpace.id)).one()
    collection = add_large_collection(catalog, ada.id, "Large")
    fill(catalog, collection, photos, years=20)
    with catalog.snapshot() as session:
        for what, page in pages_of(session, collection, space, PAGE).items():
            print(f"a page, {what}: {1000 * quickest(page):.1f} ms")
        user = session.get_one(User, ada.id)
        for where, only in {"all photos": None, "a collection": collection}.items():
            for what, page in lists_of(session, user, space, only, PAGE).items():
                print(f"a page of {where}, {what}: {1000 * quickest(page):.1f} ms")
            for what, days in days_of(session, user, space, only).items():
                print(f"the days of {where}, {what}: {1000 * quickest(days):.0f} ms")
        counts = quickest(lambda: summary(session, user, space, collection), times=2)
        print(f"the counts of the library: {1000 * counts:.0f} ms")
    catalog.close()
    return collection


def quickest(work: Callable[[], object], times: int = 5) -> float:
    best = float("inf")
    for _ in range(times):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def scroll(page: Page, collection: int) -> str:
    picture = io.BytesIO()
    Image.linear_gradient("L").resize((512, 384)).save(picture, "WEBP")
    page.route("**/thumbnail", lambda route: route.fulfill(body=picture.getvalue(), content_type="image/webp"))
    page.add_init_script(WATCH)
    painted = {}
    for path in ("/library", "/", f"/library/{collection}"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        painted[path] = page.evaluate(PAINT)
    screen = page.viewport_size
    assert screen is not None, "every one of SCREENS has a size"
    started = page.evaluate("performance.now()")
    for _ in range(SCREENFULS):
        page.mouse.wheel(0, screen["height"])
        page.wait_for_timeout(120)
    seconds = (page.evaluate("performance.now()") - started) / 1000
    tasks = page.evaluate("longTasks")
    paints = ", ".join(f"{path} {at:.0f} ms" for path, at in painted.items())
    return (
        f"first paint of {paints}; {SCREENFULS} screens in {seconds:.1f} s: {len(tasks)} long tasks, the longest "
        f"{max(tasks, default=0):.0f} ms, together {sum(tasks):.0f} ms"
    )


if __name__ == "__main__":
    main()
