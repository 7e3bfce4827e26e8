"""What readings are worth, measured through the HTTP API: mean average precision with nobody picking, and picked.

    .venv/bin/python bench/readings.py --data ../shared/data --protocol dev --readings 4
    .venv/bin/python bench/readings.py --data ../shared/data --images
    .venv/bin/python bench/readings.py --data ../shared/data --libraries

A whole embedded server runs in this process with the photos of a protocol in one collection, each with its category.
Each sketch is searched once; then the reading that shows the most photos of the right category is picked, as a person
would, and searched with (where none shows one, nobody picks). `--images` looks at what G paints instead: how different
the images of a sketch's readings are in an encoder that took no part in training, beside G's noise alone and beside
photos; and what E1 finds by looking at the painting of the right reading, beside that reading's own vector.
`--libraries` counts what is offered in libraries of other sizes, drawn from the photos of the protocol, for each sketch
another (`drawn_libraries`).
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import numpy as np
from drawn_libraries import SIZES, DrawnLibraries, Library, embedded_photos, queries_of
from numpy.typing import NDArray

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.inference.engines.choose import choose_engine
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import Painting, QueryModel
from mindreader.inference.sketches.looks import looks_at
from mindreader.inference.sketches.readings import LOOKED_AT, MOST_READINGS, find_readings, query_of_picked
from mindreader.networks.descriptions import encoder_description
from mindreader.settings import load_settings
from mindreader_training.data.datasets import Dataset, Item, sketch_images
from mindreader_training.data.protocols import protocol
from mindreader_training.evaluation.embed import embed_photos
from mindreader_training.evaluation.metrics import average_precision
from mindreader_training.evaluation.readings import SHOWN
from mindreader_webui.server import running_server
from mindreader_webui.services import Services
from mindreader_workers.embedded import EmbeddedWorkers

OUTSIDE = "efficientnet-lite0"
KEPT = (1, 3, 7)
"""Photos of the sketch's category in a library that is drawn."""
MOST_RESULTS = 1000
"""Of a search; in a larger gallery the average precision is that of the first thousand."""

Vectors = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--protocol", default="dev")
    parser.add_argument("--readings", type=int, default=MOST_READINGS)
    parser.add_argument("--images", action="store_true")
    parser.add_argument("--libraries", action="store_true")
    asked = parser.parse_args()
    dataset = protocol(asked.data, asked.protocol).dataset.answerable()
    if asked.images:
        compare_images(dataset)
        return
    if asked.libraries:
        count_in_libraries(dataset, asked.readings)
        return
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), asked.readings) as http:
        measure(http, asked.protocol, dataset)


@contextlib.contextmanager
def serving(folder: Path, readings: int) -> Iterator[httpx.Client]:
    """A client of a server of its own."""
    settings = load_settings(
        {
            "MINDREADER_DATA_DIR": str(folder),
            "MINDREADER_PORT": "0",
            "MINDREADER_SEARCH_RATE": "100000/minute",
            "MINDREADER_IMAGINARY_IMAGES": str(readings),
        }
    )

    def workers(services: Services) -> EmbeddedWorkers:
        return EmbeddedWorkers(services.celery, services.settings, services.catalog, services.blobs)

    with running_server(settings, workers) as server:
        Thread(target=server.run, daemon=True).start()
        token = (settings.secrets_dir / "local_token").read_text()
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, timeout=600) as http:
            yield http


def measure(http: httpx.Client, name: str, dataset: Dataset) -> None:
    categories = upload(http, dataset.photos)
    unpicked, picked, offered, right = [], [], [], []
    for sketch in dataset.sketches:
        answer = search(http, sketch)
        seen = [
            sum(categories[photo["photo_id"]] == sketch.category for photo in each["photos"])
            for each in answer["readings"]
        ]
        best = int(np.argmax(seen))
        unpicked.append(precision(answer, categories, sketch.category))
        offered.append(len(seen))
        right.append(seen[best] > 0)
        if seen[best]:
            answer = search(http, sketch, reading=[str(i) for i in answer["readings"][best]["photo_ids"]])
        picked.append(precision(answer, categories, sketch.category))
    print(f"{name}: {len(unpicked)} sketches, {len(categories)} photos, over HTTP")
    print(f"mAP with nobody picking {np.mean(unpicked):.4f}, with the right reading picked {np.mean(picked):.4f}")
    print(
        f"readings offered {np.mean(offered):.2f} in the mean, one only {np.mean(np.equal(offered, 1)):.3f}; "
        f"the right one among them {np.mean(right):.3f}"
    )


def upload(http: httpx.Client, photos: Sequence[Item]) -> dict[int, str]:
    """Upload all photos, wait until they are indexed, and return the category of each by its id."""
    collection = http.post("/collections", json={"name": "bench"}).raise_for_status().json()["id"]
    by_category: dict[str, list[Item]] = defaultdict(list)
    for photo in photos:
        by_category[photo.category].append(photo)
    categories: dict[int, str] = {}
    for category, items in by_category.items():
        files = [("file", (item.path.name, item.path.read_bytes())) for item in items]
        answer = http.post(f"/collections/{collection}/photos", files=files, data={"category": [category] * len(items)})
        categories |= {each["photo_id"]: category for each in answer.raise_for_status().json()["outcomes"]}
    while http.get(f"/collections/{collection}").raise_for_status().json()["embedding"]["indexed"] < len(categories):
        time.sleep(1)
    return categories


def search(http: httpx.Client, sketch: Item, **form: Any) -> dict[str, Any]:
    data = {"limit": str(MOST_RESULTS), "duplicates": "all", **form}
    answer = http.post("/searches", files={"sketch": sketch.path.read_bytes()}, data=data).raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def precision(answer: dict[str, Any], categories: dict[int, str], category: str) -> float:
    """Average precision; photos of the category that were not found count as wrong."""
    right = np.array([categories[result["photo_id"]] == category for result in answer["results"]])
    relevant = sum(each == category for each in categories.values())
    return float(average_precision(right[None])[0] * right.sum() / relevant) if right.any() else 0.0


def compare_images(dataset: Dataset) -> None:
    bundle, engine = read_bundle(default_bundle_folder()), TorchEngine.on("auto")
    model, outside = QueryModel(bundle, engine), PhotoEncoder(encoder_description(OUTSIDE), engine)
    gallery = embed_photos(PhotoEncoder.of_bundle(bundle, engine), dataset.photos)
    labels, photo_labels = dataset.labels(dataset.sketches), dataset.labels(dataset.photos)
    of_readings, of_noise = [], []
    by_painting, by_vector = [], []
    for image, label in zip(sketch_images(dataset.sketches), labels, strict=True):
        looks = looks_at(image, model.sketch_size)
        query = model.query(looks)
        nearest = np.argsort(-(gallery @ query), kind="stable")[:LOOKED_AT]
        found = find_readings(query, nearest.tolist(), gallery[nearest])
        images = model.paint(Painting(looks[0], np.stack([each.vector for each in found]), 0))
        if len(found) > 1:
            of_readings.append(apart(outside.embed(images)))
            of_noise.append(apart(outside.embed(model.paint(Painting(looks[0], np.stack([query] * 3), 0)))))
        seen = [int((photo_labels[list(each.photo_ids[:SHOWN])] == label).sum()) for each in found]
        if best := max(seen):
            place = seen.index(best)
            painting = images[place : place + 1].transpose(0, 3, 1, 2).astype(np.float32, "C") / np.float32(255)
            relevant = photo_labels == label
            by_painting.append(ranked(gallery, model.embed(painting)[0], relevant))
            by_vector.append(ranked(gallery, query_of_picked(found[place], query), relevant))
    photos = embed_photos(outside, dataset.photos)
    of_photos = [apart(photos[photo_labels == label]) for label in np.unique(photo_labels)]
    print(f"mean distance (1 - cosine) of images to each other in {OUTSIDE}, {len(of_readings)} sketches:")
    print(f"  of readings {np.mean(of_readings):.3f}, of three seeds without readings {np.mean(of_noise):.3f}")
    print(f"  photos of one category {np.mean(of_photos):.3f}")
    print(f"mAP of {len(by_vector)} right readings by their vector {np.mean(by_vector):.3f}")
    print(f"  by E1's look at their painting {np.mean(by_painting):.3f}")


def count_in_libraries(dataset: Dataset, most: int) -> None:
    bundle, engine = read_bundle(default_bundle_folder()), choose_engine(load_settings()).load()
    categories = np.array([photo.category for photo in dataset.photos])
    libraries = DrawnLibraries(embedded_photos(bundle, engine, dataset.photos, "none"), categories)
    queries = queries_of(QueryModel(bundle, engine), dataset.sketches)
    print("photos  of it  offered  one only  the right one is among them")
    for size in SIZES:
        for kept in KEPT:
            drawn = libraries.each(queries, dataset.sketches, size, kept)
            offered, right = zip(*(offered_in(library, most) for library in drawn), strict=True)
            one = np.equal(offered, 1).mean()
            cells = f"{np.mean(offered):9.2f} {one:9.2f} {np.mean(right):9.2f}"
            print(f"{min(size, len(categories)):6} {kept:6}{cells}", flush=True)


def offered_in(library: Library, most: int) -> tuple[int, bool]:
    """How many readings a sketch has in a library, and whether one shows a photo of its category."""
    nearest = library.ranked(library.query)[:LOOKED_AT]
    found = find_readings(library.query, nearest.tolist(), library.photos[nearest, 0], most)
    return len(found), any(number < library.own for each in found for number in each.photo_ids[:SHOWN])


def apart(embeddings: Vectors) -> float:
    return float(np.mean([1 - one @ other for one, other in combinations(embeddings, 2)]))


def ranked(gallery: Vectors, query: Vectors, relevant: NDArray[np.bool_]) -> float:
    order = np.argsort(-(gallery @ query), kind="stable")
    return float(average_precision(relevant[order][None])[0])


if __name__ == "__main__":
    main()
