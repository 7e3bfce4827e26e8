"""Turn a trained run into a model bundle: fp16 weights, manifest, model card."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors.torch
from torch import Tensor, nn

from mindreader.bundles import Bundle, BundleManifest, TrainingRecord, write_bundle
from mindreader.bundles.manifest import PROJECTION_FILE, GeneratorRecord, GoldenRecord, QueryEncoderRecord, SpaceRecord
from mindreader.networks.descriptions import ProjectionDescription, SpaceDescription
from mindreader.networks.encoders import Encoder
from mindreader.networks.generator import Generator
from mindreader_training.evaluation.report import tables


@dataclass(frozen=True)
class TrainedNetworks:
    """What a run has trained, and what it was trained for."""

    generator: Generator
    query_encoder: Encoder
    query_encoder_size: int
    """Side of the images E1 reads, in pixels."""
    sketch_size: int
    """See `Preset.sketch_size`."""
    sketch_weight: float
    """See `Preset.sketch_weight`."""
    photo_encoder: Encoder
    """E2 with its projection, if it has one."""
    projection_file: Path | None = None
    """The projection as a bundle already has it: the same file is the same embedding space."""


def export_bundle(
    folder: Path,
    preset: str,
    networks: TrainedNetworks,
    training: TrainingRecord,
    name: str,
) -> Bundle:
    """Write G and E1 as a bundle without metrics; `record_results` adds those once it has been evaluated."""
    generator, query_encoder, projection = networks.generator, networks.query_encoder, networks.photo_encoder.projection
    weights = {
        "generator.safetensors": fp16_safetensors(generator.state_dict()),
        "query_encoder.safetensors": fp16_safetensors(query_encoder.state_dict()),
    }
    projected = None
    if isinstance(projection, nn.Linear):
        given = networks.projection_file
        weights[PROJECTION_FILE] = given.read_bytes() if given else fp16_safetensors(projection.state_dict())
        projected = ProjectionDescription(projection.out_features, hashlib.sha256(weights[PROJECTION_FILE]).hexdigest())
    space = SpaceDescription(networks.photo_encoder.description, projected)
    manifest = BundleManifest(
        name=name,
        preset=preset,
        space=SpaceRecord(photo_encoder=space.encoder.name, key=space.key, description=space.as_json()),
        generator=GeneratorRecord.model_validate(asdict(generator.sizes)),
        query_encoder=QueryEncoderRecord(
            architecture=query_encoder.description.name,
            input_size=networks.query_encoder_size,
            sketch_weight=networks.sketch_weight,
            sketch_size=None if networks.sketch_size == generator.sizes.image_size else networks.sketch_size,
        ),
        files={},
        training=training,
    )
    return write_bundle(folder, manifest, weights, model_card(manifest))


def record_results(
    bundle: Bundle, evaluations: list[dict[str, object]], golden: list[GoldenRecord] | None = None
) -> Bundle:
    """Write evaluations, and golden results if there are any new ones, into the manifest and the model card."""
    golden = bundle.manifest.golden if golden is None else golden
    manifest = bundle.manifest.model_copy(update={"metrics": evaluations, "golden": golden})
    weights = {name: bundle.weights(name).read_bytes() for name in manifest.files}
    return write_bundle(bundle.folder, manifest, weights, model_card(manifest))


def fp16_safetensors(state: Mapping[str, Tensor]) -> bytes:
    """Weights as the bytes of a safetensors file, floating point numbers rounded to fp16."""
    halves = {name: t.half() if t.is_floating_point() else t for name, t in state.items()}
    return safetensors.torch.save({name: t.detach().cpu().contiguous() for name, t in halves.items()})


def model_card(manifest: BundleManifest) -> str:
    """The model card as Markdown: what it is, what it saw, what it scores, what it was never shown."""
    training = manifest.training
    return "\n".join(
        [
            f"# {manifest.name}",
            "",
            f"Preset `{manifest.preset}`: a U-Net generator at {manifest.generator.image_size} px and the query "
            f"encoder {manifest.query_encoder.architecture}, for photos embedded by {manifest.space.photo_encoder} "
            f"(embedding space `{manifest.space.key}`).",
            "",
            "## Training",
            "",
            f"- Command: `{training.command}`",
            f"- {training.steps} steps, {training.hours:.2f} hours on {training.hardware}, seed {training.seed}",
            *_stopped(training),
            f"- Data: {training.data}",
            "",
            "## Results",
            "",
            *tables(manifest.metrics),
            "## Limits",
            "",
            "Trained on single objects drawn with a few strokes. Scenes, several objects, text, faces of particular "
            "people and categories outside the training data were never shown to it. Imaginary images show what the "
            "sketch suggests to the generator; they are no photos of anything. G paints the drawn shape as the "
            "category E1 reads in the sketch: where E1 misreads it, the image is of the wrong thing, and looks no less "
            "sure.",
            "",
            *_untrained(manifest),
        ]
    )


def _stopped(training: TrainingRecord) -> list[str]:
    if not training.stopped_by_dev:
        return []
    phases = ", ".join(training.stopped_by_dev)
    return [f"- The split dev chose when to stop ({phases}): its metrics below are a little optimistic."]


def _untrained(manifest: BundleManifest) -> list[str]:
    space = SpaceDescription.from_json(manifest.space.description)
    if space.encoder.weights.untrained_seed is None:
        return []
    return ["**Its encoders began with random weights, not published ones: nothing it finds means anything.**", ""]
