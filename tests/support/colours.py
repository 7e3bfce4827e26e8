"""A colour chart, colour differences, and profiles written by hand."""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image

PATCHES = np.array(
    [
        [(220, 40, 40), (40, 170, 60), (40, 70, 200), (230, 190, 60)],
        [(224, 172, 140), (128, 128, 128), (60, 60, 60), (200, 120, 180)],
        [(90, 160, 170), (245, 245, 245), (20, 20, 20), (150, 90, 50)],
    ],
    np.uint8,
)
_SIDE = 32
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
BT2020 = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
_D65, _D50 = (0.3127, 0.3290), np.array([0.9642, 1, 0.8249])


def chart() -> np.ndarray:
    """The patches in sRGB, (96, 128, 3) from 0 to 1."""
    return PATCHES.repeat(_SIDE, 0).repeat(_SIDE, 1) / 255


def difference(image: Image.Image, reference: np.ndarray | None = None) -> float:
    """Mean colour difference (CIE 1976) of an image's patches from the chart's, or those of another."""
    reference = chart() if reference is None else reference
    middle = slice(_SIDE // 2, None, _SIDE)
    patches = _lab(np.asarray(image)[middle, middle] / 255), _lab(reference[middle, middle])
    return float(np.sqrt(((patches[0] - patches[1]) ** 2).sum(-1)).mean())


def linear(values: np.ndarray) -> np.ndarray:
    """Light of sRGB's values."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def curved(light: np.ndarray) -> np.ndarray:
    """sRGB's values of light."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)


def light_in(primaries: tuple[tuple[float, float], ...]) -> np.ndarray:
    """The light of the chart in other primaries, as far as they hold it."""
    made: np.ndarray = np.clip(linear(chart()) @ (np.linalg.inv(_to_xyz(primaries)) @ _to_xyz(SRGB)).T, 0, 1)
    return made


def grey_chart() -> np.ndarray:
    """The brightness of the chart, (96, 128)."""
    return curved(linear(chart()) @ np.array([0.2126, 0.7152, 0.0722]))


def rgb_profile(name: str, primaries: tuple[tuple[float, float], ...], gamma: float | None) -> bytes:
    """A display's profile; its curve is sRGB's without a gamma."""
    matrix = _adapted(_to_xyz(primaries))
    curve = _sampled_curve() if gamma is None else _curve(gamma)
    columns = [(tag, _xyz_tag(matrix[:, i])) for i, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))]
    return _profile(name, b"mntr", b"RGB ", b"XYZ ", columns + [(tag, curve) for tag in (b"rTRC", b"gTRC", b"bTRC")])


def grey_profile(gamma: float) -> bytes:
    """Grey of a plain gamma."""
    return _profile("Grey", b"mntr", b"GRAY", b"XYZ ", [(b"kTRC", _curve(gamma))])


def cmyk_of_chart() -> np.ndarray:
    """The chart in the inks of `cmyk_profile`, (96, 128, 4) from 0 to 1."""
    inks = 1 - chart() ** (1 / 1.5)
    return np.dstack([inks, np.zeros(inks.shape[:2])])


def cmyk_profile() -> bytes:
    """A printer whose inks let through less light than plain subtraction says."""
    steps = np.linspace(0, 1, 9)
    inks = np.stack(np.meshgrid(steps, steps, steps, steps, indexing="ij"), axis=-1)
    light = linear(((1 - inks[..., :3]) * (1 - inks[..., 3:])) ** 1.5).reshape(-1, 3)
    lab = _lab_of(light @ _adapted(_to_xyz(SRGB)).T / _D50)
    table = np.stack([lab[:, 0] * 652.8, (lab[:, 1] + 128) * 256, (lab[:, 2] + 128) * 256], axis=-1)
    identity = np.eye(3).ravel()
    head = b"mft2\0\0\0\0" + bytes([4, 3, 9, 0]) + b"".join(map(_fixed, identity)) + struct.pack(">HH", 2, 2)
    ramp = struct.pack(">HH", 0, 65535)
    tag = head + ramp * 4 + np.clip(np.rint(table), 0, 65535).astype(">u2").tobytes() + ramp * 3
    return _profile("Inks", b"prtr", b"CMYK", b"Lab ", [(b"A2B0", tag), (b"A2B1", tag)])


def _lab(values: np.ndarray) -> np.ndarray:
    return _lab_of(linear(values) @ _to_xyz(SRGB).T / _xyz(*_D65))


def _lab_of(xyz: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of XYZ, the white being (1, 1, 1)."""
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _xyz(x: float, y: float) -> np.ndarray:
    return np.array([x / y, 1, (1 - x - y) / y])


def _to_xyz(primaries: tuple[tuple[float, float], ...]) -> np.ndarray:
    columns = np.stack([_xyz(*point) for point in primaries], axis=1)
    return columns * np.linalg.solve(columns, _xyz(*_D65))


def _adapted(matrix: np.ndarray) -> np.ndarray:
    """From D65 to D50, after Bradford."""
    cones = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    scale = (cones @ _D50) / (cones @ _xyz(*_D65))
    made: np.ndarray = np.linalg.inv(cones) @ np.diag(scale) @ cones @ matrix
    return made


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(float(value) * 65536))


def _xyz_tag(values: np.ndarray) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(map(_fixed, values))


def _curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def _sampled_curve() -> bytes:
    values = np.rint(linear(np.linspace(0, 1, 1024)) * 65535).astype(">u2")
    made: bytes = b"curv\0\0\0\0" + struct.pack(">I", 1024) + values.tobytes()
    return made


def _profile(name: str, kind: bytes, space: bytes, between: bytes, tags: list[tuple[bytes, bytes]]) -> bytes:
    text = name.encode() + b"\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    tags = [(b"desc", description), (b"cprt", b"text\0\0\0\0none\0"), (b"wtpt", _xyz_tag(_D50)), *tags]
    directory, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for tag, data in tags:
        directory += tag + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"lcms", 0x02100000, kind, space, between)
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + b"".join(map(_fixed, _D50)) + b"lcms"
    return head.ljust(128, b"\0") + directory + body
