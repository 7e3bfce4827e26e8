"""Models of E2 in int8 that MindReader comes with: quantizing takes photos, minutes and NNCF, so it is done beforehand.

`mindreader bundle int8` makes them (`mindreader_training.int8`); what they are worth: docs/decisions/0012.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

from mindreader.networks.descriptions import EncoderDescription

_FOLDER = Path(__file__).parents[1] / "int8_files"
_DIGITS = 16


def photo_encoder_digest(encoder: EncoderDescription, projection: str | None) -> str:
    """What makes an E2 with its projection another than others, in hexadecimal digits.

    Args:
        projection: SHA-256 of its file, if the space has one.
    """
    identity = {"encoder": encoder.identity, "projection": projection}
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def int8_file_name(encoder: EncoderDescription, projection: str | None) -> str:
    """Of the file with a model, a zip."""
    return f"{photo_encoder_digest(encoder, projection)[:_DIGITS]}.zip"


def has_int8_model(encoder: EncoderDescription, projection: str | None) -> bool:
    """Whether MindReader comes with a model of this E2 in int8."""
    return (_FOLDER / int8_file_name(encoder, projection)).is_file()


def unpack_int8_model(encoder: EncoderDescription, projection: str | None, folder: Path) -> None:
    """Write a model's files into a folder.

    Raises:
        FileNotFoundError: MindReader comes with none of this E2.
        zipfile.BadZipFile, zlib.error: the installation is damaged.
    """
    with zipfile.ZipFile(_FOLDER / int8_file_name(encoder, projection)) as packed:
        packed.extractall(folder)
