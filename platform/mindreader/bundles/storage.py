"""Read and write bundle folders. Nothing here unpickles, and no file is opened by a name the bundle gives."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from mindreader.bundles.manifest import PROJECTION_FILE, WEIGHT_FILES, BundleManifest
from mindreader.errors import BundleError
from mindreader.networks.descriptions import ENCODERS, EncoderDescription, GeneratorSizes, SpaceDescription
from mindreader.region_schemes import NO_REGIONS

MANIFEST_FILE = "bundle.json"
MODEL_CARD_FILE = "model_card.md"
MAX_MANIFEST_BYTES = 4 * 2**20
_MAX_NESTING = 32


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk whose manifest and checksums were found in order."""

    folder: Path
    manifest: BundleManifest
    sha256: str
    """SHA-256 of `bundle.json`, which itself names the checksum of every weight file."""

    @property
    def space(self) -> SpaceDescription:
        """The embedding space the bundle targets."""
        return SpaceDescription.from_json(self.manifest.space.description)

    @property
    def query_encoder(self) -> EncoderDescription:
        """What E1 is."""
        name = self.manifest.query_encoder.architecture
        return ENCODERS.get(name, self.space.encoder)

    @property
    def generator(self) -> GeneratorSizes:
        """What G is."""
        return GeneratorSizes(**self.manifest.generator.model_dump())

    @property
    def sketch_size(self) -> int:
        """Side of the sketches that G and E1 are given, in pixels; at least `generator.image_size`."""
        return self.manifest.query_encoder.sketch_size or self.manifest.generator.image_size

    def weights(self, name: str) -> Path:
        """Path of one of `WEIGHT_FILES`, or of `PROJECTION_FILE`."""
        return self.folder / name


def default_bundle_folder() -> Path:
    """Where the bundle that ships with MindReader lies."""
    return Path(__file__).parent / "default"


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle's manifest and check its files.

    Raises:
        BundleError: the manifest is missing or malformed, a file's checksum is wrong, or its embedding
            space is not one this version of MindReader knows.
    """
    manifest, sha256 = _read_manifest(folder / MANIFEST_FILE)
    _check_space(manifest)
    names = _weight_files(manifest)
    if set(manifest.files) != set(names):
        raise BundleError(f"{MANIFEST_FILE} must name exactly the files {', '.join(names)}.")
    for name, expected in manifest.files.items():
        _check_file(folder / name, expected)
    return Bundle(folder, manifest, sha256)


def write_bundle(folder: Path, manifest: BundleManifest, weights: Mapping[str, bytes], model_card: str) -> Bundle:
    """Write a bundle folder; `manifest.files` is filled in from `weights`."""
    folder.mkdir(parents=True, exist_ok=True)
    names = _weight_files(manifest)
    for name in names:
        (folder / name).write_bytes(weights[name])
    checksums = {name: hashlib.sha256(weights[name]).hexdigest() for name in names}
    complete = manifest.model_copy(update={"files": checksums})
    (folder / MANIFEST_FILE).write_text(complete.model_dump_json(indent=2) + "\n")
    (folder / MODEL_CARD_FILE).write_text(model_card)
    return read_bundle(folder)


def _read_manifest(path: Path) -> tuple[BundleManifest, str]:
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            raise BundleError(f"{MANIFEST_FILE} is larger than {MAX_MANIFEST_BYTES} bytes.")
        text = path.read_bytes()
        return BundleManifest.model_validate(_parsed(text)), hashlib.sha256(text).hexdigest()
    except OSError as error:
        raise BundleError(
            f"{path} cannot be read ({error.strerror}). A bundle is a folder with a {MANIFEST_FILE}."
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise BundleError(f"{MANIFEST_FILE} is malformed at {place!r}: {first['msg']}.") from None
    except ValueError:
        raise BundleError(f"{MANIFEST_FILE} is not JSON.") from None


def _parsed(text: bytes) -> object:
    """JSON that can be written again: no NaN, no half characters, no depths that other programs drown in."""
    too_deep = BundleError(f"{MANIFEST_FILE} is nested deeper than {_MAX_NESTING} levels.")
    try:
        data = json.loads(text)
        json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError:
        raise too_deep from None
    if not _is_shallow(data, _MAX_NESTING):
        raise too_deep
    return data


def _is_shallow(data: object, levels: int) -> bool:
    inside = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return levels > 0 and all(_is_shallow(value, levels - 1) for value in inside)


def _weight_files(manifest: BundleManifest) -> tuple[str, ...]:
    space = SpaceDescription.from_json(manifest.space.description)
    return (*WEIGHT_FILES, PROJECTION_FILE) if space.projection else WEIGHT_FILES


def _check_space(manifest: BundleManifest) -> None:
    space = SpaceDescription.from_json(manifest.space.description)
    if space.key != manifest.space.key or space.encoder.name != manifest.space.photo_encoder:
        raise BundleError(
            f"The bundle names embedding space {manifest.space.key} of {manifest.space.photo_encoder}, but describes "
            f"{space.key} of {space.encoder.name}. Export the bundle again."
        )
    if space.regions != NO_REGIONS:
        raise BundleError(
            f"The bundle targets an embedding space with regions ({space.regions}). A bundle targets one without; "
            "regions are added in MindReader, beside it. Export the bundle again."
        )
    known = ENCODERS.get(space.encoder.name)
    if known is not None and known.identity != space.encoder.identity:
        raise BundleError(
            f"The bundle targets embedding space {manifest.space.key}, but {known.name} here has other weights or "
            "another preprocessing. Export the bundle again."
        )
    if space.projection and manifest.files.get(PROJECTION_FILE) != space.projection.sha256:
        raise BundleError(f"{PROJECTION_FILE} is not the projection of embedding space {space.key}.")
    if manifest.query_encoder.architecture not in (*ENCODERS, space.encoder.name):
        raise BundleError(
            f"Unknown query encoder {manifest.query_encoder.architecture!r}. This version of MindReader knows "
            f"{', '.join(ENCODERS)}."
        )
    _check_query_encoder(manifest, ENCODERS.get(manifest.query_encoder.architecture, space.encoder))
    _check_sketch_size(manifest)
    if manifest.generator.condition not in (0, space.dimension):
        raise BundleError(
            f"The generator takes conditions of length {manifest.generator.condition}; the embedding space has "
            f"{space.dimension} dimensions. Export the bundle again."
        )


def _check_query_encoder(manifest: BundleManifest, encoder: EncoderDescription) -> None:
    size = manifest.query_encoder.input_size
    if not encoder.flexible and size != encoder.input_size:
        raise BundleError(
            f"The query encoder {encoder.name} takes images of {encoder.input_size} pixels only, but query_encoder."
            f"input_size is {size}. Export the bundle again."
        )


def _check_sketch_size(manifest: BundleManifest) -> None:
    size, least = manifest.query_encoder.sketch_size, manifest.generator.image_size
    if size is not None and size < least:
        raise BundleError(
            f"query_encoder.sketch_size is {size}, but G reads sketches of {least} pixels, and none is enlarged for "
            "it. Export the bundle again."
        )


def _check_file(path: Path, expected: str) -> None:
    try:
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BundleError(f"{path.name} cannot be read ({error.strerror}).") from None
    if actual != expected:
        raise BundleError(f"{path.name} is damaged: its checksum is not the one {MANIFEST_FILE} names.")
