"""HEIC files with colours of their own kind."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pillow_heif


def coded_heic(pixels: np.ndarray, points: tuple[int, int], quality: int = 95) -> bytes:
    """Of 16-bit numbers (height, width, 3), with these code points: primaries and transfer (ITU-T H.273)."""
    file = pillow_heif.from_bytes(mode="RGB;16", size=pixels.shape[1::-1], data=pixels.tobytes())
    out = BytesIO()
    matrix = 9 if points[0] == 9 else 6
    coded = {"color_primaries": points[0], "transfer_characteristics": points[1], "matrix_coefficients": matrix}
    file.save(out, quality=quality, chroma=444, full_range_flag=1, save_nclx_profile=True, **coded)
    return out.getvalue()
