"""Whatever pixels a file holds, as 8-bit sRGB on white: depth, transparency, colour space."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

# Brightest value of pictures whose mode does not say it; a brighter picture is stretched from 0 to its maximum.
_TOPS = {"I": (255.0, 65535.0), "F": (1.0, 255.0, 65535.0)}


def to_srgb(image: Image.Image) -> Image.Image:
    """Turn a loaded image of any mode into a new ``RGB`` image without metadata.

    Deep grey (16-bit, 32-bit, float) is scaled, not clipped; transparency is laid over white; an embedded RGB
    profile other than sRGB is applied, and ignored when it is broken.
    """
    icc = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bits(image)
    elif image.has_transparency_data:
        image = _over_white(image)
    rgb = _in_srgb(image.convert("RGB"), icc)
    # Neither place nor camera may travel on in thumbnails, and the profile no longer describes the pixels.
    rgb.info = {}
    return rgb


def _eight_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray((values >> 8).astype(np.uint8))
    finite = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, top = _value_range(float(finite.min()), float(finite.max()), _TOPS[image.mode])
    scaled = (finite - low) * (255.0 / (top - low))
    return Image.fromarray(np.rint(scaled).astype(np.uint8))


def _value_range(low: float, high: float, tops: tuple[float, ...]) -> tuple[float, float]:
    if low < 0:
        return low, max(high, low + 1.0)
    return 0.0, next((top for top in tops if high <= top), high)


def _over_white(image: Image.Image) -> Image.Image:
    layer = image.convert("RGBA")
    paper = Image.new("RGB", layer.size, "white")
    paper.paste(layer, mask=layer)
    return paper


def _in_srgb(rgb: Image.Image, icc: bytes | None) -> Image.Image:
    if not icc:
        return rgb
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc))
        if not _is_foreign_rgb(profile):
            return rgb
        converted = ImageCms.profileToProfile(rgb, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return rgb  # slightly wrong colours serve a person better than no photo
    return converted or rgb


def _is_foreign_rgb(profile: ImageCms.ImageCmsProfile) -> bool:
    core = profile.profile
    name = core.profile_description or ""
    return core.xcolor_space.strip() == "RGB" and "srgb" not in name.lower()
