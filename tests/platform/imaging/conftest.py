import importlib.util
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image


def _encode(image: Image.Image, name: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """Encode an image: ``encode(image, "JPEG", quality=90)``."""
    return _encode


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    """60 × 40 pixels; quarters red, green (above), blue, white (below), so every turn shows."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:20, :30] = (250, 10, 10)
    pixels[:20, 30:] = (10, 250, 10)
    pixels[20:, :30] = (10, 10, 250)
    pixels[20:, 30:] = (250, 250, 250)
    return Image.fromarray(pixels)


@pytest.fixture(scope="session")
def broken_files_module() -> ModuleType:
    path = Path(__file__).parents[2] / "support" / "broken_files.py"
    spec = importlib.util.spec_from_file_location("broken_files", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
