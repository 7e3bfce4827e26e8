"""Networks as OpenVINO has made them ready for this machine's processors, kept for all programs of a run.

Making one ready takes a fifth of a second of a core, and every server does so with three; to read what was made before
takes a fifth of that. It lies in a folder beside the network's model, as long as that is there.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

from mindreader.inference.engines.openvino_engine import OpenVINOEngine
from mindreader.inference.engines.openvino_library import openvino


def keep_networks_ready() -> None:
    """Have it so in this process from now on, and in its forks."""
    begin = OpenVINOEngine.__init__

    def begin_with_kept(self: OpenVINOEngine, *arguments: Any, **named: Any) -> None:
        begin(self, *arguments, **named)
        self._core = _KeptNetworks(self._core)

    openvino()
    OpenVINOEngine.__init__ = begin_with_kept  # type: ignore[method-assign]


class _KeptNetworks:
    """What an engine uses of OpenVINO's `Core`."""

    def __init__(self, core: Any) -> None:
        self._core = core

    def read_model(self, model: Path) -> Path:
        return model

    def compile_model(self, model: Path, device: str, options: dict[str, object]) -> Any:
        asked = hashlib.sha256(json.dumps([device, options]).encode()).hexdigest()[:20]
        kept = model.with_name(f"ready-{asked}")
        if kept.exists():
            return self._core.import_model(kept.read_bytes(), device, options)
        made = self._core.compile_model(self._core.read_model(model), device, options)
        draft = kept.with_name(uuid.uuid4().hex)
        draft.write_bytes(made.export_model().getvalue())
        draft.rename(kept)
        return made
