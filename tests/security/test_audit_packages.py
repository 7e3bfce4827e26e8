"""`make lint` asks for known vulnerabilities: one that is found fails it, a network that is away does not."""

from __future__ import annotations

import json
import sys

import pytest

from tests.support.audit_packages import CONSTRAINTS, pins_of, verdict

PINS = ["sound==1.0", "other==2.0"]


@pytest.fixture
def stand_in(tmp_path):
    """A pip-audit that says what it is told."""

    def make(*said: str):
        program = tmp_path / "pip_audit.py"
        answers = tmp_path / "answers"
        answers.write_text("\n".join(said))
        program.write_text(
            "import pathlib, sys\n"
            f"file = pathlib.Path({str(answers)!r})\n"
            "first, *left = file.read_text().splitlines()\n"
            "file.write_text('\\n'.join(left))\n"
            "sys.stdout.write(first)\n"
        )
        return (sys.executable, str(program))

    return make


def report(*packages: dict) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


SOUND = {"name": "sound", "version": "1.0", "vulns": []}
UNKNOWN = {"name": "sound", "skip_reason": "not on PyPI"}
HOLE = {"name": "other", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"], "aliases": []}]}


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        ([report(SOUND), report(SOUND, HOLE)], 1, "other 2.0: PYSEC-1, mended in 2.1"),
        ([report(HOLE), report(SOUND, HOLE)], 1, "PYSEC-1"),
        ([report(SOUND), report(SOUND, SOUND)], 0, "No known vulnerabilities in 2 packages"),
        ([report(SOUND), report(SOUND, UNKNOWN)], 0, "1 of them unknown"),
        (["Traceback: no network"], 0, "not looked for"),
        ([report(UNKNOWN)], 0, "not looked for"),
    ],
)
def test_what_fails_and_what_is_only_said(stand_in, said, status, words):
    found, line = verdict(PINS, stand_in(*said))
    assert (found, words in line) == (status, True), line


def test_every_package_is_pinned_to_one_version():
    assert len(pins_of(CONSTRAINTS)) > 100
    assert [pin for pin in pins_of(CONSTRAINTS) if "==" not in pin] == []
