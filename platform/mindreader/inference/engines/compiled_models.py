"""Networks as OpenVINO runs them: made once from a bundle, kept in a folder, made again where they are damaged.

Once they are there, nothing on a processor needs torch. They are nobody's truth: the folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import subprocess  # nosec B404  # this interpreter, and one of our modules
import uuid
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from filelock import FileLock
from pydantic import BaseModel, ConfigDict

from mindreader.blobs.atomic import make_folder, sync
from mindreader.bundles import Bundle
from mindreader.host.child_programs import command, environment, unpacked
from mindreader.inference.engines.int8_models import photo_encoder_digest, unpack_int8_model
from mindreader.inference.engines.openvino_library import version
from mindreader.networks.descriptions import EncoderDescription
from mindreader.region_schemes import Precision

log = logging.getLogger(__name__)

MODEL, WEIGHTS = "model.xml", "model.bin"
_CHECKSUMS = "checksums.json"
_REFUSED = ".refused"
_FORMAT = 1
"""Of what a model takes and gives, and of what is done to it when it is made."""
_DIGITS = 20
_LONGEST_REASON = 300


class NotConvertedError(Exception):
    """A network cannot be made ready for OpenVINO here; the message is the reason."""

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        """Say why.

        Args:
            lasting: it would be so the next time, too.
        """
        super().__init__(reason)
        self.lasting = lasting


class NetworkSource(BaseModel):
    """Which network, and where its weights are."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["photo_encoder", "generator", "query_encoder"]
    encoder: EncoderDescription | None = None
    """Of a photo encoder."""
    projection: Path | None = None
    """Of a photo encoder that has one."""
    precision: Precision = "float"
    """Of a photo encoder."""
    bundle: Path | None = None
    """Folder of the bundle that holds a G or an E1."""
    identity: str = ""
    """Of a G or an E1: what makes it another network than others; bundles may have one in common."""

    @property
    def key(self) -> str:
        """Stable name of exactly this network."""
        if self.encoder is None:
            return f"{self.kind}-{self.identity[:_DIGITS]}"
        digest = photo_encoder_digest(self.encoder, self.projection_sha256)[:_DIGITS]
        return f"{self.kind}-{digest}" + ("" if self.precision == "float" else f"-{self.precision}")

    @property
    def projection_sha256(self) -> str | None:
        """Of the projection's file, if there is one."""
        return _sha256(self.projection) if self.projection else None


Convert = Callable[[NetworkSource, Path], None]
"""Writes the model of a network, `MODEL` and `WEIGHTS`, into a folder.

Raises:
    NotConvertedError: OpenVINO cannot run it, or there is no room for it.
    MindReaderError: the network cannot be loaded.
"""


def photo_encoder_source(
    encoder: EncoderDescription, projection: Path | None, precision: Precision = "float"
) -> NetworkSource:
    """E2 of an embedding space."""
    return NetworkSource(
        kind="photo_encoder", encoder=encoder, projection=projection and projection.absolute(), precision=precision
    )


def bundle_source(kind: Literal["generator", "query_encoder"], bundle: Bundle) -> NetworkSource:
    """G or E1 of a bundle."""
    identity: dict[str, object] = {"weights": bundle.manifest.files[f"{kind}.safetensors"]}
    if kind == "generator":
        identity["generator"] = bundle.manifest.generator.model_dump()
    else:
        identity |= {
            "encoder": bundle.query_encoder.identity,
            "input_size": bundle.manifest.query_encoder.input_size,
            "image_sizes": [bundle.generator.image_size, bundle.sketch_size],
            "dimension": bundle.space.dimension,
            "is_projected": bundle.space.projection is not None,
        }
    return NetworkSource(kind=kind, bundle=bundle.folder.absolute(), identity=_digest(identity))


class CompiledModels:
    """The models in a folder, which several processes may share."""

    def __init__(self, folder: Path, convert: Convert) -> None:
        self._folder, self._convert = folder, convert

    def folder_of(self, source: NetworkSource) -> Path:
        """Where the model of a network lies, `MODEL` and `WEIGHTS`; it is made when it is missing or damaged.

        Raises:
            NotConvertedError: OpenVINO cannot run it, or it cannot be kept.
            MindReaderError: the network cannot be loaded.
        """
        key = source.key
        folder = self._folder / f"{key}-{version()}-{_FORMAT}"
        if _is_sound(folder):
            return folder
        refused = folder.with_name(f"{folder.name}{_REFUSED}")
        if refused.exists():
            raise NotConvertedError(refused.read_text())
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self._folder / f"{key}.lock", mode=0o600):
                if not _is_sound(folder):
                    self._make(source, folder)
        except NotConvertedError as error:
            if error.lasting:
                refused.write_text(str(error))
            raise
        except OSError as error:
            raise NotConvertedError(f"{self._folder} cannot be written to: {error.strerror or error}") from error
        return folder

    def _make(self, source: NetworkSource, folder: Path) -> None:
        log.info("The network %s is made ready for OpenVINO, once", source.key)
        draft = self._folder / f".{uuid.uuid4().hex}"
        make_folder(draft)
        try:
            self._write(source, draft)
            (draft / _CHECKSUMS).write_text(json.dumps({name: _sha256(draft / name) for name in (MODEL, WEIGHTS)}))
            for file in (*draft.iterdir(), draft):
                sync(file)
            for old in self._folder.glob(f"{source.key}-[0-9]*"):  # damaged, or another version's
                old.unlink() if old.suffix == _REFUSED else shutil.rmtree(old, ignore_errors=True)
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _write(self, source: NetworkSource, folder: Path) -> None:
        if source.precision == "float":
            self._convert(source, folder)
            return
        assert source.encoder is not None
        try:
            unpack_int8_model(source.encoder, source.projection_sha256, folder)
        except (FileNotFoundError, zipfile.BadZipFile, zlib.error) as error:
            raise NotConvertedError(f"there is no sound model of it in int8: {error}") from error


def _digest(identity: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def _is_sound(folder: Path) -> bool:
    try:
        checksums = json.loads((folder / _CHECKSUMS).read_text())
        return bool(checksums == {name: _sha256(folder / name) for name in (MODEL, WEIGHTS)})
    except (OSError, ValueError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def convert_in_a_program(source: NetworkSource, folder: Path) -> None:
    """Make a model in a program of its own, so that torch never takes memory here; see `Convert`."""
    done = subprocess.run(  # noqa: S603  # nosec B603  # this Python, and arguments made here
        command("mindreader.inference.engines.conversion", source.model_dump_json(), str(folder)),
        capture_output=True,
        env=environment(),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise NotConvertedError((lines or [f"its program ended with status {done.returncode}"])[-1][:_LONGEST_REASON])
    told = json.loads(done.stdout)
    if reason := told.get("not_converted"):
        raise NotConvertedError(reason, lasting=True)
    if "error" in told:
        raise unpacked(told)
