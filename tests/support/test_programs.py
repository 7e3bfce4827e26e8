"""Programs of the tests are forks of one that has loaded what takes them longest."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.support.programs import start

SLOW = ("torch", "torchvision", "timm", "openvino")
"""Seconds of a core, for each program that would import one by itself."""
WHAT_IS_LOADED = "import sys; print(*(name for name in {} if name in sys.modules))"


def test_what_takes_seconds_to_load_is_loaded_once(tmp_path):
    """Where modules of the product import something later than before, the nursery may no longer have it."""
    (tmp_path / "what_is_loaded.py").write_text(WHAT_IS_LOADED.format(SLOW))
    with (tmp_path / "said").open("wb") as said:
        program = start(
            [sys.executable, "-m", "what_is_loaded"],
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            stdout=said,
            stderr=said,
        )
        assert program.wait() == 0
    assert Path(said.name).read_text().split() == list(SLOW)
