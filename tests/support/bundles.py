"""A small bundle with random weights: everything about it is real but the quality."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import safetensors.torch
import torch
from torch import Tensor, nn

from mindreader.blobs import BlobStore
from mindreader.bundles import Bundle, BundleManifest, TrainingRecord, write_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.catalog import Catalog, ModelVersion
from mindreader.embedding.spaces import is_open, open_space
from mindreader.model_versions.registry import bundle_store, install, register_bundle
from mindreader.networks.descriptions import (
    EncoderDescription,
    GeneratorSizes,
    ProjectionDescription,
    SpaceDescription,
    encoder_description,
)
from mindreader.networks.encoders import Encoder
from mindreader.networks.generator import Generator
from mindreader_training.export import TrainedNetworks, export_bundle
from mindreader_training.presets import preset

RECORD = TrainingRecord(command="none", data="none", steps=0, hours=0, hardware="cpu", seed=0)


def write_untrained_bundle(
    folder: Path,
    seed: int = 0,
    name: str = "untrained",
    sketch_size: int | None = None,
    sizes: GeneratorSizes | None = None,
) -> Bundle:
    """A tiny bundle with random weights.

    Args:
        sizes: of G, whose weights are then so wide that its noise is seen; if not given, the preset `tiny`'s with a
            condition.
    """
    torch.manual_seed(seed)
    tiny = preset("tiny")
    assert tiny.projection is not None
    dimension = tiny.projection.dimension
    generator = Generator(sizes or replace(tiny.generator, condition=dimension))
    if sizes:
        for weights in filter(lambda each: each.dim() > 1, generator.parameters()):
            nn.init.kaiming_normal_(weights)
    encoder, photo_encoder = (Encoder(encoder_description(n)) for n in (tiny.query_encoder, tiny.photo_encoder))
    projection = nn.Linear(encoder.description.dimension, dimension)
    for network in (encoder, photo_encoder):
        network.add_projection(projection.weight, projection.bias)
    networks = TrainedNetworks(
        generator,
        encoder,
        tiny.query_encoder_size,
        sketch_size or tiny.generator.image_size,
        tiny.sketch_weight,
        photo_encoder,
    )
    return export_bundle(folder, "tiny", networks, RECORD, name)


def altered_bundle(
    source: Bundle,
    folder: Path,
    *,
    encoder: EncoderDescription | None = None,
    projection: Mapping[str, Tensor] | None = None,
    manifest: Mapping[str, Mapping[str, object]] = MappingProxyType({}),
) -> Bundle:
    """A bundle as somebody who means no good makes one: other than `source` in this, and all its checksums right.

    Args:
        encoder: named as E2.
        projection: of E2.
        manifest: fields of the parts of `bundle.json`.
    """
    weights = {name: source.weights(name).read_bytes() for name in source.manifest.files}
    if projection is not None:
        weights[PROJECTION_FILE] = safetensors.torch.save(dict(projection))
    described = ProjectionDescription(source.space.dimension, hashlib.sha256(weights[PROJECTION_FILE]).hexdigest())
    space = SpaceDescription(encoder or source.space.encoder, described)
    parts = source.manifest.model_dump()
    parts["space"] = {"photo_encoder": space.encoder.name, "key": space.key, "description": space.as_json()}
    for part, fields in manifest.items():
        parts[part].update(fields)
    parts["files"][PROJECTION_FILE] = described.sha256
    return write_bundle(folder, BundleManifest.model_validate(parts), weights, "# Card")


def install_bundle(settings, bundle: Bundle) -> None:
    """Let a bundle answer, before the first start installs the one that ships with MindReader."""
    catalog = Catalog(settings.catalog_url)
    catalog.migrate()
    install(catalog, bundle_store(settings, BlobStore(settings.blobs_root)), bundle)
    catalog.close()


def register_and_open(catalog, blobs, settings, bundle: Bundle) -> ModelVersion:
    """A model version whose space every photo is queued for; it does not answer yet."""
    bundle_store(settings, blobs).keep(bundle)
    with catalog.transaction() as session:
        version = register_bundle(session, bundle)
        if not is_open(version.space):
            open_space(session, version.space_id)
    return version
