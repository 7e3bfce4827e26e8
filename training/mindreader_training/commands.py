"""`mindreader evaluate` and `mindreader train`."""

from __future__ import annotations

import json
import platform
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mindreader.bundles import Bundle, TrainingRecord, default_bundle_folder, read_bundle

if TYPE_CHECKING:
    from mindreader_training.evaluation import Evaluation
    from mindreader_training.trainer import Trainer

# Networks and torch are imported inside the commands: `mindreader --help` must not wait seconds for them.


@click.command()
@click.argument("bundle")
@click.option("--photos", type=click.Path(path_type=Path), required=True, help="Gallery, laid out as CATEGORY/*.")
@click.option("--sketches", type=click.Path(path_type=Path), required=True, help="Queries, laid out as CATEGORY/*.")
@click.option("--protocol", "name", default="folders", show_default=True, help="Name printed beside the numbers.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def evaluate(bundle: str, photos: Path, sketches: Path, name: str, device: str, as_json: bool) -> None:
    """Measure how well BUNDLE (a folder, or `default`) finds photos by sketches of the same category."""
    from mindreader.networks.compute import choose_compute
    from mindreader_training.datasets import folder_dataset
    from mindreader_training.evaluation import evaluate as run_evaluation

    loaded = read_bundle(default_bundle_folder() if bundle == "default" else Path(bundle))
    # float32 here: figures must not depend on the processor they were measured on.
    compute = choose_compute(device, "float32")
    evaluation = run_evaluation(loaded, folder_dataset(photos, sketches), compute, name)
    click.echo(json.dumps(evaluation.as_json(), indent=2) if as_json else _table(evaluation))


@click.command()
@click.option("--preset", "preset_name", default="small", show_default=True, help="Which numbers to train with.")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder with meta.csv and pairs.csv.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the run.")
@click.option("--steps", type=click.IntRange(min=1), help="Train this many steps instead of the preset's.")
@click.option("--seed", default=0, show_default=True)
@click.option("--name", help="Name of the bundle; the run's folder name if not given.")
@click.option("--terms", default="", help="Terms of the training data, for the model card.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--resume", is_flag=True, help="Go on from the run's last checkpoint.")
def train(
    preset_name: str,
    data: Path,
    out: Path,
    steps: int | None,
    seed: int,
    name: str | None,
    terms: str,
    device: str,
    resume: bool,
) -> None:
    """Train a model bundle and write it, with its dev evaluation, to OUT/bundle."""
    from mindreader.networks.compute import choose_compute
    from mindreader_training.datasets import listed_dataset
    from mindreader_training.presets import preset

    try:
        from mindreader_training.trainer import Trainer
    except ModuleNotFoundError as error:
        raise click.ClickException(f"Training needs {error.name}: `pip install 'mindreader[training]'`.") from None
    chosen = preset(preset_name, **({"steps": steps} if steps else {}))
    if (out / "checkpoint.pt").exists() and not resume:
        raise click.UsageError(f"{out} already holds a run. Give --resume to go on with it, or another --out.")
    out.mkdir(parents=True, exist_ok=True)
    dataset = listed_dataset(data, lambda row: row["split"] == "train")
    trainer = Trainer(dataset, chosen, choose_compute(device), out, seed)
    if resume:
        trainer.resume()
    trainer.train()
    bundle = _export(trainer, name or out.name, terms)
    bundle = _with_dev_evaluation(bundle, data, device)
    click.echo(f"Wrote {bundle.folder}")


def _export(trainer: Trainer, name: str, terms: str) -> Bundle:
    from mindreader_training.export import export_bundle

    record = TrainingRecord(
        command=shlex.join(["mindreader", *sys.argv[1:]]),
        data=terms or "not stated",
        steps=trainer.progress.step,
        hours=round(trainer.progress.seconds / 3600, 3),
        hardware=f"{trainer.compute.device.type} ({platform.processor() or platform.machine()})",
        seed=trainer.seed,
    )
    generator, encoder = trainer.averaged()
    return export_bundle(trainer.run / "bundle", trainer.preset, generator, encoder, record, name)


def _with_dev_evaluation(bundle: Bundle, data: Path, device: str) -> Bundle:
    """Evaluate under the protocol "dev": sketches and photos of the source `sketchy` held back from training."""
    from mindreader.networks.compute import choose_compute
    from mindreader_training.datasets import listed_dataset
    from mindreader_training.evaluation import evaluate as run_evaluation
    from mindreader_training.export import record_metrics

    held_back = listed_dataset(data, lambda row: row["split"] == "dev" and row["source"] == "sketchy")
    if not held_back.sketches or not held_back.photos:
        return bundle
    return record_metrics(
        bundle, [run_evaluation(bundle, held_back, choose_compute(device, "float32"), "dev").as_json()]
    )


def _table(evaluation: Evaluation) -> str:
    head = ", ".join(f"{key} {value}" for key, value in evaluation.protocol.items())
    lines = [f"Protocol: {head}", f"{'query':30}{'mAP':>8}{'P@5':>8}{'P@20':>8}"]
    for name, scores in evaluation.rows.items():
        v = {metric: values.mean() for metric, values in scores.values.items()}
        lines.append(f"{name:30}{v['map']:8.3f}{v['p@5']:8.3f}{v['p@20']:8.3f}")
    return "\n".join(lines)
