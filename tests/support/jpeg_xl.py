"""JPEG XL with headers that encoders for Python do not write: turned, in other colours, huge (ISO/IEC 18181-1)."""

from __future__ import annotations

import io
from contextlib import suppress

import pillow_jxl
from PIL import Image

# A picture of 60 × 40 pixels whose second, inverted one follows after a while; written by libjxl.
ANIMATION = bytes.fromhex(
    "ff0a09054d00202608040100a4004b2824c6950a0aa628b01d8f837a7e3e06fd0582000812fd0ba860a4ffc00ffc3e10ed873e0192610108040500a8004b2824c6950a0aa628b01d9a817a7e3e06fd0582000812ad02c0c553ffc00ffc3e10fcf075a924940c03"
)
SRGB, P3, BT2020 = 1, 11, 9
SRGB_CURVE, PQ, HLG = 13, 16, 18


class _Bits:
    def __init__(self) -> None:
        self._bits: list[int] = []

    def put(self, value: int, count: int = 1) -> _Bits:
        self._bits += [value >> at & 1 for at in range(count)]
        return self

    def enum(self, value: int) -> _Bits:
        if value < 2:
            return self.put(value, 2)
        return self.put(2, 2).put(value - 2, 4) if value < 18 else self.put(3, 2).put(value - 18, 6)

    def done(self) -> bytes:
        value = sum(bit << at for at, bit in enumerate(self._bits))
        return value.to_bytes((len(self._bits) + 7) // 8, "little")


def written(
    image: Image.Image,
    *,
    orientation: int = 1,
    primaries: int = SRGB,
    transfer: int = SRGB_CURVE,
    size: tuple[int, int] | None = None,
) -> bytes:
    """A picture without loss, RGB of 8 bits, of which the header says what is told, `size` included."""
    out = io.BytesIO()
    image.convert("RGB").save(out, "JXL", lossless=True, use_container=False, use_original_profile=True)
    frames = _frames(out.getvalue(), image)
    return _header(size or image.size, orientation, primaries, transfer) + frames


def _frames(data: bytes, image: Image.Image) -> bytes:
    """What follows the header: behind another one as long as it may be, it gives the same picture."""
    for length in range(4, 16):
        with suppress(RuntimeError):
            _, _, pixels, *_ = pillow_jxl.Decoder()(_header(image.size, 1, SRGB, SRGB_CURVE) + data[length:])
            if pixels == image.convert("RGB").tobytes():
                return data[length:]
    raise AssertionError("The encoder writes other headers.")


def _header(size: tuple[int, int], orientation: int, primaries: int, transfer: int) -> bytes:
    bits = _Bits().put(0xFF, 8).put(0x0A, 8).put(0)
    width, height = size
    bits.put(3, 2).put(height - 1, 30).put(0, 3).put(3, 2).put(width - 1, 30)
    bits.put(0).put(1).put(orientation - 1, 3).put(0, 3)
    bits.put(0).put(0, 2).put(1).put(0, 2)  # 8 bits, no further channels
    bits.put(0)  # the colours as they are
    bits.put(0).put(0).enum(0).enum(1).enum(primaries).put(0).enum(transfer).enum(1)
    return bits.put(1).put(0, 2).put(1).done()
