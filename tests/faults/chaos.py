"""Mix uploads, deletions, searches, switches and faults at random, then check that nothing is lost, double or stuck.

    make chaos SECONDS=300 SEED=7 STORES=services

The seed alone decides which actions come in which order; how many there are depends on the time given.
Exit status 1 when an invariant is broken (see `tests.support.invariants`).
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parents[2]))

from mindreader.bundles.archive import pack_bundle
from tests.support import bombs
from tests.support.bundles import write_untrained_bundle
from tests.support.damage import DAMAGES, segment_files
from tests.support.deployments import DEPLOYMENTS, Embedded, Services
from tests.support.invariants import settle, violations
from tests.support.patrons import Patron, Record
from tests.support.photos import write_photos
from tests.support.services import wait_until
from tests.support.sketches import house_png

T = TypeVar("T")
RECOVERY_SECONDS = 600.0
_UPLOADERS = 2
_BOMBS: Sequence[Callable[[], bytes]] = (
    lambda: bombs.webp(14_000),
    lambda: bombs.png(14_000, 14_000),
    lambda: bombs.gif(65_535, 3_000),
    lambda: bombs.tiff_of_strips(2_000_000),
    lambda: bombs.jpeg_of_scans(1_000, 2_000),
)


@dataclass(frozen=True)
class Action:
    """One step: its name, and numbers in [0, 1) that say how much and to which photos."""

    name: str
    numbers: tuple[float, ...]

    def __str__(self) -> str:
        return f"{self.name} " + " ".join(f"{number:.3f}" for number in self.numbers)


def plan(seed: int, stores: str) -> Iterator[Action]:
    """The endless sequence of a seed."""
    dice = random.Random(f"{stores} {seed}")
    known = {
        name: weight for name, (weight, of_services, _) in ACTIONS.items() if stores == "services" or not of_services
    }
    while True:
        (name,) = dice.choices(list(known), list(known.values()))
        yield Action(name, tuple(dice.randrange(1000) / 1000 for _ in range(4)))


@dataclass
class Outcome:
    """What a run did and what it broke."""

    actions: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    record: Record = field(default_factory=Record)


class Chaos:
    """A MindReader, somebody who uses it, and somebody who breaks it."""

    def __init__(self, deployment: Embedded, folder: Path) -> None:
        self.deployment, self.folder, self.outcome = deployment, folder, Outcome()
        self._pool = ThreadPoolExecutor(_UPLOADERS)
        self._uploads: list[Future[bool]] = []
        self._files: list[Path] = []
        self._install()

    def _install(self) -> None:
        bundles = [write_untrained_bundle(self.folder / f"bundle{n}", n, f"chaos {n}") for n in range(2)]
        self.deployment.install(bundles[0])
        self.deployment.start()
        pack_bundle(bundles[1], self.folder / "bundle.zip")
        with self.deployment.api() as api:
            sent = {"bundle": ("bundle.zip", (self.folder / "bundle.zip").read_bytes(), "application/zip")}
            api.post("/models", files=sent).raise_for_status()
            versions = api.get("/models").raise_for_status().json()["models"]
            self._versions = [version["id"] for version in versions if version["name"].startswith("chaos")]
            spaces = api.get("/spaces").raise_for_status().json()["spaces"]
            keys = [version["space_key"] for version in versions if version["name"].startswith("chaos")]
            self._spaces = [space["id"] for key in keys for space in spaces if space["key"] == key]
            self._collection = Patron(api, self.outcome.record).collection

    def run(self, actions: Iterator[Action], seconds: float) -> Outcome:
        started = time.monotonic()
        for action in actions:
            if (elapsed := time.monotonic() - started) >= seconds:
                break
            say(f"{elapsed:6.1f}  {action}")
            self.outcome.actions[action.name] += 1
            ACTIONS[action.name][2](self, *action.numbers)
        self._recover()
        return self.outcome

    def _recover(self) -> None:
        """No repair: what a supervisor does (start what has ended), then time."""
        self.deployment.start()
        for upload in self._uploads:
            upload.result()
        try:
            settle(self.deployment.settings, RECOVERY_SECONDS)
            wait_until(self._search_works, "a search at the end", RECOVERY_SECONDS)
        except (AssertionError, TimeoutError) as stuck:
            self.outcome.wrong.append(f"stuck: {stuck}")
        self.deployment.stop()
        self.outcome.wrong += violations(self.deployment.settings, self.outcome.record)

    # What people do

    def upload(self, count: float, *_: float) -> None:
        files = write_photos(self.folder / "photos", 1 + int(count * 12), first=len(self._files), side=160)
        self._files += files
        self._uploads.append(self._pool.submit(self._upload, files))

    def upload_again(self, *which: float) -> None:
        if self._all_answered():
            self._upload([self._files[int(number * len(self._files))] for number in set(which)])

    def delete(self, *which: float) -> None:
        with self._patron() as patron:
            for number in which:
                if present := sorted(patron.record.present):
                    patron.delete(present[int(number * len(present))])

    def label(self, which: float, name: float, *_: float) -> None:
        if present := sorted(self.outcome.record.present):
            photo = present[int(which * len(present))]
            self._ask("PATCH", f"/photos/{photo}", json={"category": f"category {int(name * 5)}"})

    def search(self, *_: float) -> None:
        gone = set(self.outcome.record.deleted)
        with self._patron() as patron:
            answer = patron.search(house_png())
        if answer and (shown := gone & {result["photo_id"] for result in answer["results"]}):
            self.outcome.wrong.append(f"a search showed the deleted photos {sorted(shown)}")

    def switch(self, which: float, *_: float) -> None:
        self._ask("POST", f"/models/{_one(self._versions, which)}/activate", params={"incomplete": "true"})

    def build(self, which: float, *_: float) -> None:
        self._ask("POST", f"/spaces/{_one(self._spaces, which)}/build")

    def drop(self, which: float, *_: float) -> None:
        self._ask("DELETE", f"/spaces/{_one(self._spaces, which)}")

    def wait(self, length: float, *_: float) -> None:
        time.sleep(2 * length)

    def send_bomb(self, which: float, as_sketch: float, *_: float) -> None:
        """A file that asks for gigabytes, or for minutes: whatever else happens, it is refused."""
        bomb = _one(_BOMBS, which)()
        with self._patron() as patron:
            if as_sketch < 0.5:
                answer = patron.ask("POST", "/searches", files={"sketch": ("bomb", bomb)})
                taken = answer is not None and answer.is_success
            else:
                answer = patron.ask("POST", f"/collections/{self._collection}/photos", files={"file": ("bomb", bomb)})
                taken = answer is not None and any(
                    outcome["status"] != "rejected" for outcome in answer.json().get("outcomes", [])
                )
        if taken:
            self.outcome.wrong.append(f"bomb {int(which * len(_BOMBS))} was taken")

    # What goes wrong

    def kill_server(self, away: float, *_: float) -> None:
        self.deployment.kill_web()
        time.sleep(away)
        self.deployment.start()

    def kill_worker(self, away: float, *_: float) -> None:
        self.deployment.kill_worker()
        time.sleep(away)
        self.deployment.start()

    def damage_index(self, which: float, how: float, *_: float) -> None:
        """A file of a segment of some photo index, while nobody has it open."""
        self.deployment.kill_worker()
        if files := segment_files(self.deployment.settings):
            DAMAGES[int(how * len(DAMAGES))](files[int(which * len(files))])
        self.deployment.start()

    def restart_redis(self, away: float, *_: float) -> None:
        assert isinstance(self.deployment, Services)
        self.deployment.redis.stop()
        time.sleep(3 * away)
        self.deployment.redis.start()

    def flush_redis(self, *_: float) -> None:
        assert isinstance(self.deployment, Services)
        self.deployment.redis.flush()

    def stop_postgres(self, away: float, *_: float) -> None:
        assert isinstance(self.deployment, Services)
        self.deployment.postgres.stop()
        time.sleep(5 * away)
        self.deployment.postgres.start()

    def _upload(self, files: Sequence[Path]) -> bool:
        with self._patron() as patron:
            return patron.upload(files)

    def _all_answered(self) -> bool:
        """Wait until nobody uploads: who uploads and deletes one photo at a time knows what to expect."""
        for upload in self._uploads:
            upload.result()
        return bool(self._files)

    def _patron(self) -> _Connected:
        return _Connected(self.deployment.api(), self.outcome.record, self._collection)

    def _ask(self, method: str, path: str, **arguments: object) -> None:
        """A request that may be refused for what the state is, and no otherwise."""
        with self._patron() as patron:
            answer = patron.ask(method, path, **arguments)
        if answer is not None and answer.is_client_error and answer.status_code not in (404, 409):
            self.outcome.wrong.append(f"{method} {path} was answered {answer.status_code}: {answer.text}")

    def _search_works(self) -> bool:
        with self._patron() as patron:
            return patron.search(house_png()) is not None


class _Connected(Patron):
    """A patron for one visit."""

    def __enter__(self) -> _Connected:
        return self

    def __exit__(self, *_: object) -> None:
        self.api.close()


def _one(things: Sequence[T], which: float) -> T:
    return things[int(which * len(things))]


# Name: how often, whether only separate services can suffer it, and what is done.
ACTIONS: dict[str, tuple[int, bool, Callable[..., None]]] = {
    "upload": (40, False, Chaos.upload),
    "upload_again": (6, False, Chaos.upload_again),
    "delete": (14, False, Chaos.delete),
    "label": (6, False, Chaos.label),
    "search": (16, False, Chaos.search),
    "switch": (8, False, Chaos.switch),
    "build": (6, False, Chaos.build),
    "drop": (3, False, Chaos.drop),
    "wait": (8, False, Chaos.wait),
    "send_bomb": (4, False, Chaos.send_bomb),
    "kill_server": (3, False, Chaos.kill_server),
    "damage_index": (2, False, Chaos.damage_index),
    "kill_worker": (3, True, Chaos.kill_worker),
    "restart_redis": (3, True, Chaos.restart_redis),
    "flush_redis": (3, True, Chaos.flush_redis),
    "stop_postgres": (3, True, Chaos.stop_postgres),
}


def chaos(stores: str, seed: int, seconds: float, folder: Path, most: int | None = None) -> Outcome:
    """One run, of so many actions at most; the processes it started have ended when it returns."""
    deployment = DEPLOYMENTS[stores](folder / stores, MINDREADER_SEARCH_TIMEOUT="20")  # nobody waits for the dead
    try:
        return Chaos(deployment, folder).run(islice(plan(seed, stores), most), seconds)
    finally:
        deployment.close()


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # a program's output


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--stores", nargs="+", choices=sorted(DEPLOYMENTS), default=sorted(DEPLOYMENTS))
    given = parser.parse_args()
    wrong = 0
    for stores in given.stores:
        say(f"chaos: {stores}, seed {given.seed}, {given.seconds:g} seconds")
        with tempfile.TemporaryDirectory(prefix="mindreader-chaos-") as folder:
            outcome = chaos(stores, given.seed, given.seconds, Path(folder))
        wrong += len(outcome.wrong)
        done = ", ".join(f"{count} {name}" for name, count in sorted(outcome.actions.items()))
        record = outcome.record
        say(f"{stores}, seed {given.seed}: {sum(outcome.actions.values())} actions ({done})")
        say(f"{len(record.created)} photos acknowledged, {len(record.deleted)} deleted")
        say("\n".join(outcome.wrong) or "nothing lost, nothing duplicated, nothing stuck")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
