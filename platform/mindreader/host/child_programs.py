"""Programs of MindReader's own that it waits for: what they know, and the errors they bring back."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from mindreader.errors import BundleError, ConflictError, MindReaderError, NotReadyError, Sentence
from mindreader.settings import ENV_PREFIX

_KINDS = (NotReadyError, ConflictError)
_PYTHON = sys.executable


def command(module: str, *arguments: str) -> list[str]:
    """What starts a module of MindReader's as a program: this Python, and arguments made here."""
    return [_PYTHON, "-m", module, *arguments]


def environment() -> dict[str, str]:
    """This process's, without what MindReader alone knows."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
    return ours | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def print_alone(answer: Callable[[], dict[str, Any]]) -> None:
    """Print an answer as one line of JSON; what libraries print meanwhile goes to the error output."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as output:
        os.dup2(2, 1)
        output.write(json.dumps(answer()))


def packed(error: MindReaderError) -> dict[str, Any]:
    """An error as JSON: `error`, its kind, and its sentence."""
    return {"error": error.kind.slug} | error.detail.packed()


def unpacked(told: dict[str, Any]) -> MindReaderError:
    """The error that was packed; of a kind that says nothing of bundles, or a `BundleError`."""
    kind = next((kind for kind in _KINDS if kind.kind.slug == told["error"]), BundleError)
    return kind(Sentence.unpacked(told))
