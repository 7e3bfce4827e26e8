"""How long a person waits for photos: from the end of the first stroke on a page just opened to the first live results.

    make bench     or     .venv/bin/python bench/first_result.py --data ../shared/data --times 20

Chromium opens the page Draw with an empty cache, draws a circle, and takes the time until the photos found stand in
the page; in turn with it, the same sketch is searched with by the networks and an index alone, in this process
(`bench/search.py: bare_search`). The ratio of the medians is the figure to quote.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from playwright.sync_api import BrowserContext, sync_playwright
from readings import upload
from search import bare_search

sys.path.insert(0, str(Path(__file__).parents[1]))

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.inference.engines.choose import choose_engine
from mindreader.inference.query_model import QueryModel
from mindreader.inference.sketches.readings import MOST_READINGS
from mindreader.photo_index import EVERYTHING, IndexPoint, PhotoIndexes
from mindreader.settings import load_settings
from mindreader_training.data.protocols import protocol
from tests.support.hands import circle, draw, set_up
from tests.support.screens import SCREENS, launched
from tests.support.server import server

POINTS = 10_000
WATCH = """
addEventListener("pointerup", () => (globalThis.endedAt ??= performance.now()), true);
addEventListener("DOMContentLoaded", () => {
  const results = document.getElementById("results");
  if (!results) return;
  const seen = new MutationObserver(() => {
    if (results.querySelector("li img")) globalThis.foundAt ??= performance.now();
  });
  seen.observe(results, { childList: true, subtree: true });
});
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--photos", type=int, default=200, help="Photos in the library.")
    asked = parser.parse_args()
    photos = protocol(asked.data, "dev").dataset.photos[: asked.photos]
    with (
        tempfile.TemporaryDirectory() as folder,
        server(Path(folder) / "data", MINDREADER_SEARCH_RATE="100000/minute") as running,
        sync_playwright() as playwright,
    ):
        with running.api() as http:
            upload(http, photos)
        chromium = launched(playwright)
        context = chromium.new_context(base_url=running.url)
        set_up(context.new_page())
        state = context.storage_state()
        bare, waited = Bare(Path(folder) / "bare"), []
        for _ in range(asked.times + 1):
            bare.search()
            context = chromium.new_context(base_url=running.url, storage_state=state, **SCREENS["desktop"])
            waited.append(first_result(context))
            context.close()
        chromium.close()
    alone, person = (statistics.median(times[1:]) for times in (bare.seconds, waited))
    print(f"bare search {alone * 1000:.0f} ms, from the stroke's end to the first results {person * 1000:.0f} ms")
    print(f"ratio {person / alone:.2f}  (aim: 1.5 or less; medians of {asked.times})")


class Bare:
    """The same search by the networks and an index, without anything around them."""

    def __init__(self, folder: Path) -> None:
        bundle = read_bundle(default_bundle_folder())
        settings = load_settings({"MINDREADER_DATA_DIR": str(folder)})
        self._index = PhotoIndexes(settings).get(bundle.space.key, bundle.space.dimension)
        random = np.random.default_rng(0)
        for first in range(0, POINTS, 1000):
            vectors = random.normal(size=(1000, bundle.space.dimension)).astype(np.float32)
            self._index.upsert([IndexPoint(1 + first + i, vector, 1) for i, vector in enumerate(vectors)])
        self._model = QueryModel(bundle, choose_engine(settings).load())
        sheet, sketch = Image.new("L", (512, 512), 255), io.BytesIO()
        ImageDraw.Draw(sheet).ellipse((100, 100, 412, 412), outline=0, width=8)
        sheet.save(sketch, "PNG")
        self._sketch = sketch.getvalue()
        self.seconds: list[float] = []

    def search(self) -> None:
        """Search once, and note the time."""
        started = time.perf_counter()
        bare_search(self._model, self._index, self._sketch, EVERYTHING, MOST_READINGS)
        self.seconds.append(time.perf_counter() - started)


def first_result(context: BrowserContext) -> float:
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto("/")
    page.wait_for_load_state("networkidle")
    draw(page, "desktop", circle(0.5, 0.5, 0.3))
    page.wait_for_function("() => globalThis.foundAt")
    milliseconds: float = page.evaluate("globalThis.foundAt - globalThis.endedAt")
    return milliseconds / 1000


if __name__ == "__main__":
    main()
