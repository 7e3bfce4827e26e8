"""What a safetensors file holds, and whether its numbers are numbers; neither a network nor torch is needed for it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.bundles.storage import Bundle
from mindreader.errors import BundleError

MAX_HEADER_BYTES = 10 * 2**20
"""safetensors itself takes 100 MB; the header of a network with a thousand layers has a tenth of one."""
MAX_TENSORS = 10_000
"""The largest networks of timm have three thousand."""
_LENGTH_BYTES = 8
_CHUNK = 4 * 2**20

# Floating point numbers whose exponent has all bits set are infinite or NaN (IEEE 754; bfloat16 likewise).
_EXPONENTS = {"F16": ("<u2", 0x7C00), "BF16": ("<u2", 0x7F80), "F32": ("<u4", 0x7F800000), "F64": ("<u8", 0x7FF << 52)}
_ITEM_BYTES = {"F16": 2, "BF16": 2, "F32": 4, "F64": 8, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}


@dataclass(frozen=True)
class StoredTensor:
    """One tensor of a file, as the file's header describes it."""

    name: str
    dtype: str
    """safetensors' own name of it, such as ``F16``."""
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


def read_header(path: Path) -> list[StoredTensor]:
    """The tensors of a safetensors file, in the order they lie there without gaps.

    Raises:
        BundleError: it is no such file, or holds a kind of number MindReader does not take.
    """
    _check_header_size(path)
    try:
        with safe_open(path, framework="numpy") as file:
            _check_count(path, len(file.keys()))
            parts = [(name, file.get_slice(name)) for name in file.offset_keys()]
            tensors = [StoredTensor(name, part.get_dtype(), tuple(part.get_shape())) for name, part in parts]
    except (SafetensorError, OSError) as error:
        raise BundleError(f"{path.name} cannot be read: {str(error).splitlines()[0]}.") from None
    for tensor in tensors:
        if tensor.dtype not in _ITEM_BYTES:
            raise BundleError(
                f"{path.name} holds numbers of type {tensor.dtype}; MindReader takes {', '.join(_ITEM_BYTES)}."
            )
    return tensors


def check_numbers(path: Path) -> None:
    """Read all numbers of a safetensors file, a few at a time.

    Raises:
        BundleError: it is no such file, or one of its numbers is infinite or NaN.
    """
    tensors = read_header(path)
    with path.open("rb") as file:
        offset = _LENGTH_BYTES + int.from_bytes(file.read(_LENGTH_BYTES), "little")
        for tensor in tensors:
            if tensor.dtype in _EXPONENTS and not all(_finite(path, offset, tensor)):
                raise BundleError(f"{path.name} holds numbers that are not finite, in {tensor.name!r:.100}.")
            offset += tensor.count * _ITEM_BYTES[tensor.dtype]


def check_weight_files(bundle: Bundle) -> None:
    """Check what can be known of a bundle's weights without building its networks.

    Raises:
        BundleError: a file is no safetensors file, holds numbers that are not finite, or the projection's shape
            is not that of the embedding space; the message names the file.
    """
    for name in bundle.manifest.files:
        check_numbers(bundle.weights(name))
    if PROJECTION_FILE in bundle.manifest.files:
        check_projection(bundle)


def check_projection(bundle: Bundle) -> None:
    """Check the shape of the projection of a bundle that has one.

    Raises:
        BundleError: it is not that of the embedding space.
    """
    rows, columns = bundle.space.dimension, bundle.space.encoder.dimension
    tensors = read_header(bundle.weights(PROJECTION_FILE))
    if {t.name: t.shape for t in tensors if t.dtype in _EXPONENTS} != {"weight": (rows, columns), "bias": (rows,)}:
        raise BundleError(
            f"{PROJECTION_FILE} does not fit the embedding space: it must hold a weight of {rows} × {columns} numbers "
            f"and a bias of {rows}."
        )


def _check_count(path: Path, tensors: int) -> None:
    if tensors > MAX_TENSORS:
        raise BundleError(f"{path.name} holds {tensors:,} tensors; no network has more than {MAX_TENSORS:,}.")


def _check_header_size(path: Path) -> None:
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    except OSError as error:
        raise BundleError(f"{path.name} cannot be read ({error.strerror}).") from None
    if size > MAX_HEADER_BYTES:
        raise BundleError(f"{path.name} cannot be read: its header is larger than {MAX_HEADER_BYTES} bytes.")


def _finite(path: Path, offset: int, tensor: StoredTensor) -> Iterator[bool]:
    kind, exponent = _EXPONENTS[tensor.dtype]
    for first in range(0, tensor.count, _CHUNK):
        count = min(_CHUNK, tensor.count - first)
        bits = np.fromfile(path, kind, count, offset=offset + first * _ITEM_BYTES[tensor.dtype])
        yield not bool(((bits & exponent) == exponent).any())
