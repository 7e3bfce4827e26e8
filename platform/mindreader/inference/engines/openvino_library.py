"""The library OpenVINO, without its reports to its makers."""

from __future__ import annotations

import sys
from typing import Any


def openvino() -> Any:
    """The library. What it would tell its makers of each import and conversion goes to nobody.

    It takes a stub in place of the package that reports, where that is not installed.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # as Python marks what cannot be imported
    import openvino

    return openvino


def version() -> str:
    """Its version, part of the name of what it compiled."""
    from importlib.metadata import version as version_of

    return version_of("openvino")
