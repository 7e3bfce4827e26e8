"""Known vulnerabilities of the packages that constraints.txt pins: `make lint` fails of one that was found.

pip-audit asks PyPI. Where PyPI cannot be asked (no network, or a mirror that serves files alone), nothing was checked,
and a line says so: that is no reason to fail. One package is asked about first, so that it is known at once.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
ACCEPTED: dict[str, str] = {}
"""Vulnerabilities that do not reach MindReader: id, and why."""
_PIP_AUDIT = (sys.executable, "-m", "pip_audit")
_OPTIONS = ("--format=json", "--progress-spinner=off", "--timeout=10", "--disable-pip", "--no-deps")


@dataclass(frozen=True)
class Audit:
    """What pip-audit said."""

    found: tuple[str, ...]
    """A line for each vulnerability: package, id, version that mends it."""
    unchecked: tuple[str, ...]
    """Packages PyPI said nothing of."""

    @classmethod
    def of(cls, report: dict) -> Audit:
        packages = report["dependencies"]
        found = [
            f"{each['name']} {each['version']}: {wrong['id']}, mended in {' or '.join(wrong['fix_versions']) or 'none'}"
            for each in packages
            for wrong in each.get("vulns", ())
        ]
        return cls(tuple(found), tuple(each["name"] for each in packages if "skip_reason" in each))


def audit(pins: Sequence[str], command: Sequence[str] = _PIP_AUDIT) -> Audit | None:
    """What is known of these packages (`name==version`); None if nobody could be asked."""
    accepted = [f"--ignore-vuln={each}" for each in ACCEPTED]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(pins))
        file.flush()
        asked = [*command, *_OPTIONS, *accepted, "--requirement", file.name]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
    try:
        said = Audit.of(json.loads(done.stdout))
    except ValueError:  # it ends with a traceback where there is no network
        return None
    return None if len(said.unchecked) == len(pins) else said


def verdict(pins: Sequence[str], command: Sequence[str] = _PIP_AUDIT) -> tuple[int, str]:
    """The exit status, and the line that says why."""
    said = audit(pins[:1], command) and audit(pins, command)
    if said is None:
        return 0, "PyPI cannot be asked: known vulnerabilities of the packages were not looked for"
    if said.found:
        return 1, "Known vulnerabilities:\n" + "\n".join(said.found)
    left = f", {len(said.unchecked)} of them unknown to PyPI" if said.unchecked else ""
    return 0, f"No known vulnerabilities in {len(pins)} packages{left}"


def pins_of(constraints: Path) -> list[str]:
    lines = constraints.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


if __name__ == "__main__":
    status, line = verdict(pins_of(CONSTRAINTS))
    print(line)  # noqa: T201
    sys.exit(status)
