"""Colours of any space as 8-bit sRGB: by an ICC profile, or by the code points of ITU-T H.273.

A conversion is made once for an image and applied to parts of it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from mindreader.imaging.formats.boxes import png_code_points, primary_properties

Convert = Callable[[Image.Image], Image.Image]
"""Turns a part of an image into another of the same size."""
CodePoints = tuple[int, int]
"""Colour primaries and transfer characteristics."""
Floats = NDArray[np.floating[Any]]

_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK", "Lab": "LAB"}
"""Pillow's mode for the colour space that a profile names."""
_TAGS_OF_PROFILE = 128
_MOST_TAGS = 100
_RELATIVE = ImageCms.Intent.RELATIVE_COLORIMETRIC
_SAME = 2
"""Steps of 255 by which profiles called sRGB differ from each other."""

# Red, green and blue of H.273, table 2, those whose white is D65.
_PRIMARIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    5: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060)),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
_D65 = (0.3127, 0.3290)
_LINEAR, _PQ, _HLG = 8, 16, 18
_GAMMAS = {4: 2.2, 5: 2.8, _LINEAR: 1.0}
_WHITE_NITS = 203.0  # ITU-R BT.2408: white paper in a picture of high dynamic range
_HLG_NITS = 1000.0  # the display that HLG's curve is given for, ITU-R BT.2100
_KNEE = 0.7  # brightness up to which tones stay as they are
_ROOT_STEPS = 4095
_PIECE_PIXELS = 2**16


def code_points(image: Image.Image, file: IO[bytes]) -> CodePoints | None:
    """Code points that hold for an opened image, None for sRGB or where its ICC profile says more."""
    if image.format == "PNG":
        data = png_code_points(file)
        return (data[0], data[1]) if len(data) == 4 else None
    if image.format not in ("HEIF", "AVIF") or image.info.get("icc_profile"):
        return None
    for kind, data in primary_properties(file):
        if kind == b"colr" and data[:4] == b"nclx" and len(data) >= 8:
            primaries, transfer = struct.unpack_from(">HH", data, 4)
            return primaries, transfer
    return None


def profile_code_points(icc: bytes) -> CodePoints | None:
    """Code points that a profile of high dynamic range names (ICC.1:2022, 9.2.17); None for any other profile.

    Its curves say what no eight bits can hold: they end at white paper, or make it grey.
    """
    with suppress(struct.error):
        for number in range(min(*struct.unpack_from(">I", icc, _TAGS_OF_PROFILE), _MOST_TAGS)):
            name, at = struct.unpack_from(">4sI", icc, _TAGS_OF_PROFILE + 4 + 12 * number)
            if name == b"cicp":
                primaries, transfer = struct.unpack_from("BB", icc, at + 8)
                return (primaries, transfer) if transfer in (_PQ, _HLG) else None
    return None


def profile_conversion(icc: bytes | None, mode: str) -> tuple[str, Convert] | None:
    """What turns pixels of a profile into sRGB, and the mode it takes them in.

    Args:
        icc: the profile, as it lies in the file.
        mode: Pillow's, of the image that it lies in.

    Returns:
        None where nothing is to be done: no profile, a broken one, one of another kind of pixels, or sRGB.
    """
    if not icc:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc))
        takes = _MODES.get(profile.profile.xcolor_space.strip(), "")
        if takes not in _modes_of_profiles(mode):
            return None
        srgb = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(profile, srgb, takes, "RGB", renderingIntent=_RELATIVE)
        if takes == "RGB" and _changes_nothing(transform):
            return None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None  # slightly wrong colours serve a person better than no photo
    return takes, lambda band: ImageCms.applyTransform(band, transform) or band


def lab_conversion() -> Convert:
    """What turns CIE L*a*b* into sRGB."""
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(lab, srgb, "LAB", "RGB", renderingIntent=_RELATIVE)
    return lambda band: ImageCms.applyTransform(band, transform) or band


def _modes_of_profiles(mode: str) -> tuple[str, ...]:
    """Kinds of profiles that can describe pixels of a mode; grey pixels are RGB with three equal values, too."""
    if mode in ("CMYK", "LAB"):
        return (mode,)
    return ("L", "RGB") if mode in ("1", "L", "LA", "La", "I", "F") or mode.startswith("I;16") else ("RGB",)


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether colours all over the cube come out as they went in."""
    steps = np.linspace(0, 255, 17).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(17, -1, 3)
    out = ImageCms.applyTransform(Image.fromarray(cube), transform)
    return out is not None and int(np.abs(np.asarray(out).astype(int) - cube).max()) <= _SAME


def code_point_conversion(points: CodePoints | None) -> Convert | None:
    """What turns RGB of these code points into sRGB; None for sRGB itself, and for what is not known."""
    if points is None:
        return None
    primaries, transfer = points
    matrix = _to_srgb_primaries(primaries).astype(np.float32)
    if transfer not in (_PQ, _HLG, *_GAMMAS) and np.allclose(matrix, np.eye(3), atol=1e-3):
        return None
    light, encoded = _light_of_values(transfer), _values_of_root_light()

    def converted(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        seen = light[pixels]
        if transfer == _HLG:
            seen = _as_displayed(seen)
        seen = seen @ matrix.T
        if transfer in (_PQ, _HLG):
            seen = _toned(seen)
        steps = (np.sqrt(np.clip(seen, 0, 1)) * _ROOT_STEPS).astype(np.uint16)
        made: NDArray[np.uint8] = np.take(encoded, steps)
        return made

    return lambda band: _in_pieces(band, converted)


def _in_pieces(band: Image.Image, converted: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Image.Image:
    """Convert a few rows at a time: floating numbers take ten times the memory of pixels."""
    pixels = np.asarray(band)
    out = np.empty_like(pixels)
    rows = max(1, _PIECE_PIXELS // band.width)
    for top in range(0, band.height, rows):
        out[top : top + rows] = converted(pixels[top : top + rows])
    return Image.fromarray(out)


def _to_srgb_primaries(primaries: int) -> Floats:
    """Matrix (3, 3) from light of these primaries to light of sRGB's."""
    return np.linalg.inv(_to_xyz(_PRIMARIES[1])) @ _to_xyz(_PRIMARIES.get(primaries, _PRIMARIES[1]))


def _to_xyz(primaries: tuple[tuple[float, float], ...]) -> Floats:
    columns = np.stack([_xyz(*point) for point in primaries], axis=1)
    return columns * np.linalg.solve(columns, _xyz(*_D65))


def _xyz(x: float, y: float) -> Floats:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _decoded(values: Floats) -> Floats:
    """Light of sRGB's values (IEC 61966-2-1)."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _encoded(light: Floats) -> Floats:
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def _light_of_values(transfer: int) -> Floats:
    """Light (256,) of 8-bit values, white paper being 1; for HLG that of the scene (ITU-R BT.2100, tables 4 and 5)."""
    values = np.linspace(0, 1, 256)
    light: Floats
    if transfer == _PQ:
        root = values ** (32 / 2523)
        nits = 10_000 * (np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)) ** (16384 / 2610)
        light = nits / _WHITE_NITS
    elif transfer == _HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)
    else:
        light = values ** _GAMMAS[transfer] if transfer in _GAMMAS else _decoded(values)
    return light.astype(np.float32)


def _as_displayed(scene: Floats) -> Floats:
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593], np.float32)
    made: Floats = np.multiply(scene, np.float32(_HLG_NITS / _WHITE_NITS) * luminance[..., None] ** np.float32(0.2))
    return made


def _values_of_root_light() -> NDArray[np.uint8]:
    """sRGB's 8-bit values by the square root of light, which tells dark tones well apart."""
    roots = (np.arange(_ROOT_STEPS + 1) + 0.5) / _ROOT_STEPS
    return np.rint(_encoded(roots**2) * 255).astype(np.uint8)


def _toned(light: Floats) -> Floats:
    """Bring highlights below 1, the brightest channel leading, so that their hue stays."""
    brightest = np.maximum(light.max(axis=-1, keepdims=True), 1e-9)
    above = np.maximum(brightest - _KNEE, 0) / (1 - _KNEE)
    made: Floats = light * np.where(above > 0, _KNEE + (1 - _KNEE) * above / (1 + above), brightest) / brightest
    return made
