"""Which tests cost what: seconds of a core that each took, with everything it started.

    .venv/bin/python bench/test_cost.py                           # what `make test` runs, in one process
    .venv/bin/python bench/test_cost.py tests/faults -m "not slow"
    .venv/bin/python bench/test_cost.py --costs costs.json tests/webui

Seconds of a core (user and system time) say nearly the same on a busy machine as on a quiet one; those of a clock do
not. They are of the test, its servers, workers, browser and databases: this process adopts what they leave behind, so
that nothing is lost. What many tests share (a session's fixture, a server of a module) is on the account of the first.
It needs Linux.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PR_SET_CHILD_SUBREAPER = 36
TICKS = os.sysconf("SC_CLK_TCK")
LONGEST = 40


def seconds_of_family(root: int) -> float:
    """Seconds of a core that a process, its descendants, and those of them that have ended took."""
    ticks: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it has ended meanwhile
            fields = Path(entry.path, "stat").read_bytes().rpartition(b")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(entry.name))
            ticks[int(entry.name)] = sum(map(int, fields[11:15]))
    waiting, total = [root], 0
    while waiting:
        pid = waiting.pop()
        total += ticks.get(pid, 0)
        waiting += children.get(pid, [])
    return total / TICKS


class Costs:
    """A plugin of pytest: sums up by test and phase, and writes it to a file at the end."""

    def __init__(self, root: int, file: Path) -> None:
        self._root, self._file = root, file
        self._by_test: dict[str, dict[str, float]] = {}

    @contextlib.contextmanager
    def _counted(self, test: str, phase: str) -> Iterator[None]:
        before = seconds_of_family(self._root)
        yield
        self._by_test.setdefault(test, {})[phase] = seconds_of_family(self._root) - before

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Iterator[None]:
        with self._counted("collection", "setup"):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        with self._counted(item.nodeid, "setup"):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        with self._counted(item.nodeid, "call"):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        with self._counted(item.nodeid, "teardown"):
            return (yield)

    def pytest_sessionfinish(self) -> None:
        self._file.write_text(json.dumps(self._by_test, indent=1))


def table(costs: dict[str, dict[str, float]], depth: int) -> list[str]:
    """Sums by folder (depth 2) or file (3), the dearest first."""
    sums: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for test, phases in costs.items():
        path = test.partition("::")[0].split("/")
        name = "/".join(path if depth > 2 else path[:2])
        sums[name] += sum(phases.values())  # type: ignore[assignment]
        tests[name] += 1
    return [f"{seconds:8.1f}  {tests[name]:5}  {name}" for name, seconds in sums.most_common(LONGEST)]


def run_tests(arguments: list[str], file: Path) -> int:
    """In a process of its own; this one waits for it, and for whatever it leaves behind."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    root = os.getpid()
    tests = os.fork()
    if not tests:
        os.chdir(REPOSITORY)
        os._exit(pytest.main(arguments, plugins=[Costs(root, file)]))
    while True:
        pid, status = os.wait()
        if pid == tests:
            return os.waitstatus_to_exitcode(status)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--costs", type=Path, default=Path("artefacts/test_costs.json"), help="file to write")
    ours, of_pytest = parser.parse_known_args()
    file = ours.costs.resolve()
    file.parent.mkdir(parents=True, exist_ok=True)
    status = run_tests(of_pytest or ["-m", "not slow", "-q"], file)
    costs = json.loads(file.read_text())
    dearest = sorted(costs.items(), key=lambda each: -sum(each[1].values()))[:LONGEST]
    counted = sum(sum(phases.values()) for phases in costs.values())
    whole = seconds_of_family(os.getpid())
    print(f"\n{whole:.1f} seconds of a core, {counted:.1f} of them counted here; {len(costs) - 1} tests")
    print("\n".join(["", "seconds  tests  folder", *table(costs, 2), "", "seconds  tests  file", *table(costs, 3)]))
    print("\n   setup     call teardown  test")
    for test, phases in dearest:
        print(*(f"{phases.get(phase, 0):8.2f}" for phase in ("setup", "call", "teardown")), "", test)
    sys.exit(status)


if __name__ == "__main__":
    main()
