"""Make `import torchvision` work beside a torch build its compiled operators do not fit.

PyPI's torchvision wheels are built against CUDA torch. Beside a CPU-only torch their operators do not
load, and the import fails because the schemas ``torchvision::nms`` and ``torchvision::qnms`` are
missing. MindReader uses only models, which are pure Python, so the two schemas are enough.

Import this module before torchvision or timm (timm imports torchvision).
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def _compiled_operators_load() -> bool:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return False
    for library in sorted(Path(spec.origin).parent.glob("_C*")):
        try:
            torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
        except OSError:
            return False
    return hasattr(torch.ops.torchvision, "nms")


def _define_missing_schemas() -> torch.library.Library | None:
    if _compiled_operators_load():
        return None
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for schema in _SCHEMAS:
        library.define(schema)  # type: ignore[no-untyped-call]
    return library


# The definitions live as long as this object does.
_library = _define_missing_schemas()
