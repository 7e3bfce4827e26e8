"""Turn a trained run into a model bundle: fp16 weights, manifest, model card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import safetensors.torch
from torch import Tensor, nn

from mindreader.bundles import Bundle, BundleManifest, TrainingRecord, write_bundle
from mindreader.bundles.manifest import GeneratorRecord, QueryEncoderRecord, SpaceRecord
from mindreader.networks.descriptions import encoder_description
from mindreader_training.presets import Preset

METRICS = ("map", "p@5", "p@20")


def export_bundle(
    folder: Path, preset: Preset, generator: nn.Module, query_encoder: nn.Module, training: TrainingRecord, name: str
) -> Bundle:
    """Write G and E1 as a bundle without metrics; `record_metrics` adds those once it has been evaluated."""
    e2 = encoder_description(preset.photo_encoder)
    manifest = BundleManifest(
        name=name,
        preset=preset.name,
        space=SpaceRecord(photo_encoder=e2.name, key=e2.space_key, description=e2.space_description),
        generator=GeneratorRecord.model_validate(asdict(preset.generator)),
        query_encoder=QueryEncoderRecord(architecture=preset.query_encoder, input_size=preset.query_encoder_size),
        files={},
        training=training,
    )
    weights = {
        "generator.safetensors": half_precision(generator.state_dict()),
        "query_encoder.safetensors": half_precision(query_encoder.state_dict()),
    }
    return write_bundle(folder, manifest, weights, model_card(manifest))


def record_metrics(bundle: Bundle, evaluations: list[dict[str, object]]) -> Bundle:
    """Write evaluations into the manifest and the model card."""
    manifest = bundle.manifest.model_copy(update={"metrics": evaluations})
    weights = {name: bundle.weights(name).read_bytes() for name in manifest.files}
    return write_bundle(bundle.folder, manifest, weights, model_card(manifest))


def half_precision(state: Mapping[str, Tensor]) -> bytes:
    """Weights as safetensors, floating point numbers rounded to fp16."""
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
            f"- Data: {training.data}",
            "",
            "## Results",
            "",
            *_tables(manifest.metrics),
            "## Limits",
            "",
            "Trained on single objects drawn with a few strokes. Scenes, several objects, text, faces of particular "
            "people and categories outside the training data were never shown to it. Imaginary images show what the "
            "sketch suggests to the generator; they are no photos of anything. Look at some before you trust them: "
            "after a short training they are the drawn shape, shaded, on plain ground, with colours that know nothing "
            "of the subject, and most of what E1 recognises is the shape.",
            "",
        ]
    )


def _tables(evaluations: list[dict[str, object]]) -> list[str]:
    lines: list[str] = []
    for evaluation in evaluations:
        protocol, rows = evaluation["protocol"], evaluation["rows"]
        assert isinstance(protocol, dict) and isinstance(rows, dict)
        lines += [
            f"Protocol **{protocol['name']}**: {protocol['queries']} sketches search {protocol['gallery']} photos of "
            f"{protocol['categories']} categories; relevant means {protocol['relevance']}; chance mAP "
            f"{protocol['chance_map']}; 95 % bootstrap intervals over the queries.",
            "",
            "| query | mAP | P@5 | P@20 |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {name} | {_cell(row, 'map')} | {_cell(row, 'p@5')} | {_cell(row, 'p@20')} |"
            for name, row in rows.items()
        ]
        lines.append("")
    return lines


def _cell(row: dict[str, object], metric: str) -> str:
    interval = row["interval"]
    assert isinstance(interval, dict)
    low, high = interval[metric]
    return f"{row[metric]:.3f} ({low:.3f} to {high:.3f})"
