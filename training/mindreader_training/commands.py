"""`mindreader train`, `mindreader evaluate` and `mindreader bundle`."""

from __future__ import annotations

import json
import shlex
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mindreader.bundles import Bundle, TrainingRecord, default_bundle_folder, read_bundle

if TYPE_CHECKING:
    from mindreader.inference.engines.protocol import Engine
    from mindreader_training.data.datasets import Dataset
    from mindreader_training.data.protocols import Protocol
    from mindreader_training.evaluation.evaluate import Evaluation
    from mindreader_training.presets import Preset
    from mindreader_training.run import EarlyStopping, Run
    from mindreader_training.trainer import Trainer

# Networks and torch are imported inside the commands: `mindreader --help` must not wait seconds for them.

_FOLDER = click.Path(path_type=Path)
_device = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")


@click.command()
@click.argument("bundle")
@click.option("--photos", type=_FOLDER, help="Gallery, laid out as CATEGORY/*.")
@click.option("--sketches", type=_FOLDER, help="Queries, laid out as CATEGORY/*.")
@click.option("--data", type=_FOLDER, help="Instead of the two: a data set with a split of its own.")
@click.option("--scenes", type=_FOLDER, help="Instead: photos and scenes.csv, searched by --sketches, also a data set.")
@click.option("--regions", help="With --scenes: which regions photos have; the best there are if not given.")
@click.option("--protocol", "name", help="With --data: dev, dev-large, zero-shot or doodle. Else a name of your own.")
@click.option("--imaginary-images", type=click.IntRange(1, 64), default=1, show_default=True, help="In each query.")
@click.option("--imagination", is_flag=True, help="Judge the imaginary images by an outside encoder too.")
@click.option(
    "--readings",
    type=click.IntRange(1, 16),
    help="Add the rows product (as it searches, nobody picks a reading) and best_reading (the right one of so many).",
)
@click.option(
    "--robustness", is_flag=True, help="Add rows of the same sketches small in a corner, half finished, thick, shifted."
)
@click.option("--out", type=_FOLDER, help="Write evaluation.json, evaluation.md and plots into this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--engine", type=click.Choice(["torch", "openvino"]), default="torch", show_default=True)
@click.option("--precision", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True)
@_device
def evaluate(
    bundle: str,
    photos: Path | None,
    sketches: Path | None,
    data: Path | None,
    scenes: Path | None,
    regions: str | None,
    name: str | None,
    imaginary_images: int,
    imagination: bool,
    readings: int | None,
    robustness: bool,
    out: Path | None,
    as_json: bool,
    device: str,
    engine: str,
    precision: str,
) -> None:
    """Measure how well BUNDLE (a folder, or `default`) finds photos by sketches of the same category."""
    if scenes:
        if photos or data or name or out or imagination or readings or imaginary_images > 1 or not sketches:
            raise click.UsageError("--scenes goes with --sketches, and with --regions, --json and how it is computed.")
        _evaluate_scenes(_bundle(bundle), scenes, sketches, regions, _engine(device, engine, precision), as_json)
        return
    if out or imagination:
        _need_training_extra()
    from mindreader_training.evaluation.evaluate import evaluate as run_evaluation
    from mindreader_training.evaluation.report import tables

    loaded = _bundle(bundle)
    # The seed of the training: where a layout has no split of its own, the seed is the split.
    under = _asked_protocol(photos, sketches, data, name, loaded.manifest.training.seed)
    runs = _engine(device, engine, precision)
    evaluation = run_evaluation(
        loaded,
        under,
        runs,
        imaginary_images=imaginary_images,
        imagination=imagination,
        most_readings=readings or 0,
        robustness=robustness,
    )
    result = evaluation.as_json()
    if out:
        _write_report(out, loaded, evaluation, runs)
    click.echo(json.dumps(result, indent=2) if as_json else "\n".join(tables([result])))


def _evaluate_scenes(
    bundle: Bundle, scenes: Path, sketches: Path, regions: str | None, engine: Engine, as_json: bool
) -> None:
    from mindreader.inference.schemes import schemes_for
    from mindreader_training.data.scenes import scene_protocol
    from mindreader_training.evaluation.report import scene_tables
    from mindreader_training.evaluation.scenes import evaluate_scenes

    scheme = regions or schemes_for(bundle.space)[0].name
    result = evaluate_scenes(bundle, scene_protocol(scenes, sketches), engine, scheme).as_json()
    click.echo(json.dumps(result, indent=2) if as_json else "\n".join(scene_tables(result)))


def _asked_protocol(
    photos: Path | None, sketches: Path | None, data: Path | None, name: str | None, seed: int
) -> Protocol:
    from mindreader_training.data.layouts import folder_dataset
    from mindreader_training.data.protocols import Protocol, protocol

    if data and not (photos or sketches):
        return protocol(data, name or "dev", seed)
    if photos and sketches and not data:
        return Protocol(name or "folders", "as given", "as given", folder_dataset(photos, sketches))
    raise click.UsageError("Give either --photos and --sketches, or --data.")


def _write_report(out: Path, bundle: Bundle, evaluation: Evaluation, engine: Engine) -> None:
    from mindreader_training.evaluation.plots import write_plots
    from mindreader_training.evaluation.report import tables

    out.mkdir(parents=True, exist_ok=True)
    result = evaluation.as_json()
    (out / "evaluation.json").write_text(json.dumps(result, indent=2) + "\n")
    plots = write_plots(out, bundle, evaluation, engine)
    pictures = [f"![{path.stem}]({path.name})" for path in plots]
    (out / "evaluation.md").write_text("\n".join([*tables([result]), *pictures]) + "\n")


@click.command()
@click.option("--preset", "preset_name", default="small", show_default=True, help="Which numbers to train with.")
@click.option("--data", type=_FOLDER, help="The data set, in any layout MindReader knows.")
@click.option("--out", type=_FOLDER, help="Folder of the run.")
@click.option(
    "--sketches",
    "more_sketches",
    type=_FOLDER,
    help="More sketches of the data set's categories, laid out as CATEGORY/*.",
)
@click.option(
    "--source", "sources", multiple=True, help="Only what the data set has of this source; may be given repeatedly."
)
@click.option(
    "--sketches-per-category",
    type=click.IntRange(min=0),
    help="At most so many sketches of each category, drawn by the seed; pseudo-sketches stay. All if not given.",
)
@click.option("--from", "start", metavar="BUNDLE", help="Start from this bundle's G and E1, in its embedding space.")
@click.option("--space", metavar="BUNDLE", help="Train G and E1 anew for this bundle's embedding space.")
@click.option(
    "--library",
    is_flag=True,
    help="Instead of a data set: the photos of this installation. The active model version's query encoder learns "
    "them, and a new version is registered beside it. Goes with --resume and --set alone.",
)
@click.option("--steps", type=click.IntRange(min=1), help="Train this many steps in all, instead of the preset's.")
@click.option("--photo-encoder", help="Another E2: timm:NAME or torchvision:NAME, or one MindReader knows.")
@click.option(
    "--untrained-encoders", is_flag=True, help="Random weights in place of published ones: results mean nothing."
)
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change a setting of the preset.")
@click.option("--zero-shot", is_flag=True, help="Keep every fifth category out: for the protocol zero-shot.")
@click.option("--seed", default=0, show_default=True)
@click.option("--name", help="Name of the bundle; the run's folder name if not given.")
@click.option("--terms", default="", help="Terms of the training data, for the model card.")
@click.option("--measure-every", type=click.IntRange(min=1), help="Steps between measurements on the dev split.")
@click.option(
    "--patience", default=0, show_default=True, help="End a phase after so many without a new best; 0: never."
)
@click.option("--imagination", is_flag=True, help="Judge the imaginary images by an outside encoder at the end.")
@click.option("--resume", is_flag=True, help="Go on from the run's last checkpoint; with more --steps, for longer.")
@_device
def train(
    data: Path | None,
    out: Path | None,
    name: str | None,
    terms: str,
    device: str,
    resume: bool,
    library: bool,
    **asked: Any,
) -> None:
    """Train a model bundle and write it, with its dev evaluation, to OUT/bundle; or learn this library."""
    if library:
        _learn_library(resume, asked["changes"])
        return
    if data is None or out is None:
        raise click.UsageError("Give --data and --out, or --library.")
    _need_training_extra()
    from mindreader_training.distributed import joined_world

    preset, name = _asked_preset(asked), _bundle_name(name, out)
    if (out / "checkpoint.pt").exists() and not resume:
        raise click.UsageError(f"{out} already holds a run. Give --resume to go on with it, or another --out.")
    out.mkdir(parents=True, exist_ok=True)
    with joined_world(device) as world:
        run = _run(preset, data, out, device, asked, world)
        if resume:
            run.resume(asked["steps"])
        run.train()
    if world.is_main_process:
        bundle = _export(run, name, terms)
        bundle = _with_dev_evaluation(bundle, data, device, asked)
        click.echo(f"Wrote {bundle.folder}")


def _bundle_name(asked: str | None, out: Path) -> str:
    """The name asked for, or the folder's; one that no bundle can have must not show hours later."""
    from pydantic import TypeAdapter, ValidationError

    from mindreader.bundles.manifest import BundleName

    try:
        return TypeAdapter(BundleName).validate_python(asked or out.resolve().name)
    except ValidationError:
        raise click.UsageError("A bundle's name is one line of 1 to 100 characters: give another --name.") from None


def _learn_library(resume: bool, changes: tuple[str, ...]) -> None:
    """Loaded by its name: training knows nothing of the running system, which has this package train as a program."""
    given = click.get_current_context().get_parameter_source
    others = {name for name in click.get_current_context().params if given(name) == ParameterSource.COMMANDLINE}
    if others - {"library", "resume", "changes"}:
        raise click.UsageError("--library goes with --resume and --set alone.")
    import_module("mindreader.commands.learn").learn_library(resume, changes)


def _run(preset: Preset, data: Path, out: Path, device: str, asked: dict[str, Any], world: Any) -> Run:
    from mindreader.networks.compute import choose_compute
    from mindreader_training.data.layouts import folder_items, read_dataset
    from mindreader_training.data.protocols import zero_shot_categories
    from mindreader_training.run import Run
    from mindreader_training.start import Start
    from mindreader_training.trainer import Trainer

    dataset = read_dataset(data, "train", asked["seed"])
    if asked["sources"]:
        dataset = dataset.of_sources(asked["sources"])
    if asked["more_sketches"]:
        dataset = dataset.with_sketches(folder_items(asked["more_sketches"], source=asked["more_sketches"].name))
    if asked["sketches_per_category"] is not None:
        dataset = dataset.with_at_most(asked["sketches_per_category"], asked["seed"])
    unseen: tuple[str, ...] = ()
    if asked["zero_shot"]:
        main = dataset.only(lambda item: item.source in ("", "sketchy"))
        unseen = zero_shot_categories(main.categories)
    measured = _measured_on(data, unseen, asked)
    bundle = asked["start"] or asked["space"]
    start = Start(_bundle(bundle), anew=not asked["start"]) if bundle else None
    trainer = Trainer(dataset.without(unseen), preset, choose_compute(device), out, asked["seed"], world, start)
    return Run(trainer, out, _stopping(trainer, measured, asked))


def _measured_on(data: Path, unseen: tuple[str, ...], asked: dict[str, Any]) -> Dataset | None:
    """What is held back from training, to measure on while it goes on."""
    from mindreader_training.data.protocols import protocol

    if asked["measure_every"] is None:
        if asked["patience"]:
            raise click.UsageError("--patience needs --measure-every.")
        return None
    dataset = protocol(data, "dev", asked["seed"]).dataset.without(unseen).answerable()
    if not dataset.sketches:
        raise click.UsageError(f"--measure-every: {data} holds no sketches back, so there is nothing to measure on.")
    return dataset


def _stopping(trainer: Trainer, dataset: Dataset | None, asked: dict[str, Any]) -> EarlyStopping | None:
    from mindreader_training.dev_measure import development_measure
    from mindreader_training.run import EarlyStopping

    if dataset is None:
        return None
    return EarlyStopping(development_measure(trainer, dataset), asked["measure_every"], asked["patience"])


def _asked_preset(asked: dict[str, Any]) -> Preset:
    from mindreader_training.overrides import with_overrides
    from mindreader_training.presets import preset

    settings = {name: asked[name] for name in ("steps", "photo_encoder") if asked[name]}
    if asked["untrained_encoders"]:
        settings["untrained_seed"] = asked["seed"]
    chosen = preset(asked["preset_name"], **settings)
    if asked["start"] and asked["space"]:
        raise click.UsageError("--from starts in its bundle's embedding space already: leave --space out.")
    if asked["start"] or asked["space"]:
        if asked["photo_encoder"] or asked["untrained_encoders"]:
            raise click.UsageError(
                "--from and --space bring their own encoders: leave --photo-encoder and --untrained-encoders out."
            )
        from mindreader_training.start import preset_for, preset_in_space

        within = preset_for if asked["start"] else preset_in_space
        chosen = within(_bundle(asked["start"] or asked["space"]), chosen)
    return with_overrides(chosen, asked["changes"])


def _export(run: Run, name: str, terms: str) -> Bundle:
    from mindreader_training.export import export_bundle
    from mindreader_training.hardware import hardware

    trainer = run.trainer
    record = TrainingRecord(
        # A resumed run is the same run: the command that makes it again does not resume.
        command=shlex.join(["mindreader", *(word for word in sys.argv[1:] if word != "--resume")]),
        data=terms or "not stated",
        steps=run.progress.trained,
        stopped_by_dev=run.progress.stopped,
        hours=round(run.progress.seconds / 3600, 3),
        hardware=hardware(trainer),
        seed=trainer.seed,
    )
    return export_bundle(run.folder / "bundle", trainer.preset.name, trainer.result(run.progress.step), record, name)


def _with_dev_evaluation(bundle: Bundle, data: Path, device: str, asked: dict[str, Any]) -> Bundle:
    """Evaluate under the protocol "dev", where the data set has anything held back."""
    from mindreader_training.data.protocols import protocol
    from mindreader_training.evaluation.evaluate import evaluate as run_evaluation
    from mindreader_training.export import record_results

    held_back = protocol(data, "dev", asked["seed"])
    if not held_back.dataset.answerable().sketches:
        return bundle
    engine = _engine(device)
    return record_results(
        bundle, [run_evaluation(bundle, held_back, engine, imagination=asked["imagination"]).as_json()]
    )


@click.command("icon-sketches")
@click.argument("package", type=_FOLDER)
@click.argument("out", type=_FOLDER)
@click.option("--data", type=_FOLDER, required=True, help="The data set whose categories are wanted.")
def icon_sketches(package: Path, out: Path, data: Path) -> None:
    """Draw the icons of PACKAGE, an unpacked @iconify/json of npm, as sketches to train with, into OUT."""
    from mindreader_training.data.icons import TABLE, write_icon_sketches
    from mindreader_training.data.layouts import read_dataset

    if out.exists():
        raise click.UsageError(f"{out} is there already. Give another folder.")
    written = write_icon_sketches(package, read_dataset(data, "train").categories, out)
    click.echo(f"Wrote {written} sketches to {out}; {out / TABLE} has the set, licence and author of each.")


@click.group()
def bundle() -> None:
    """Look at model bundles."""


@bundle.command("show")
@click.argument("folder")
def show(folder: str) -> None:
    """Print the model card of a bundle (a folder, or `default`)."""
    from mindreader_training.export import model_card

    click.echo(model_card(_bundle(folder).manifest))


@bundle.command("check")
@click.argument("folder")
@click.option("--data", type=_FOLDER, help="Data set the golden results were found in.")
@_device
def check(folder: str, data: Path | None, device: str) -> None:
    """Load a bundle as the server does, use it once, and (with --data) repeat its golden results."""
    from mindreader.inference.smoke import check_bundle
    from mindreader_training.evaluation.golden import check_golden

    loaded = _bundle(folder)
    engine = _engine(device)
    found = check_bundle(loaded, engine)
    click.echo(
        f"{loaded.manifest.name} loads: {found.image_size} px, space {loaded.space.key}, {found.dimension} dimensions."
    )
    if data:
        click.echo(check_golden(loaded, data, engine))


@bundle.command("measure")
@click.argument("folder")
@click.option("--data", type=_FOLDER, required=True, help="Data set with a meta.csv.")
@click.option("--protocol", "names", multiple=True, default=["dev"], show_default=True, help="May be given repeatedly.")
@click.option("--engine", "engine_name", type=click.Choice(["torch", "openvino"]), default="torch", show_default=True)
@_device
def measure(folder: str, data: Path, names: tuple[str, ...], engine_name: str, device: str) -> None:
    """Evaluate a bundle under protocols; write the results and golden ones into its manifest and model card."""
    _need_training_extra()
    from mindreader_training.data.protocols import protocol
    from mindreader_training.evaluation.evaluate import evaluate as run_evaluation
    from mindreader_training.evaluation.golden import find_golden
    from mindreader_training.export import record_results

    loaded = _bundle(folder)
    engine = _engine(device, engine_name)
    seed = loaded.manifest.training.seed
    results = [
        run_evaluation(loaded, protocol(data, name, seed), engine, imagination=name == "dev").as_json()
        for name in names
    ]
    measured = record_results(loaded, results, find_golden(loaded, data, engine))
    click.echo(f"Wrote {measured.folder}")


@bundle.command("average")
@click.argument("first")
@click.argument("other")
@click.option("--share", type=click.FloatRange(0, 1), required=True, help="Of OTHER's weights; the rest are FIRST's.")
@click.option("--out", type=_FOLDER, required=True, help="Folder of the new bundle.")
@click.option("--name", help="Name of the bundle; the folder's name if not given.")
def average(first: str, other: str, share: float, out: Path, name: str | None) -> None:
    """Write a bundle whose query encoder has the mean of two bundles' weights; its generator is FIRST's."""
    from mindreader_training.averaging import average_bundles

    if out.exists():
        raise click.UsageError(f"{out} is there already. Give another folder.")
    name = _bundle_name(name, out)
    command = shlex.join(["mindreader", *sys.argv[1:]])
    made = average_bundles(_bundle(first), _bundle(other), share, command, out, name)
    click.echo(f"Wrote {made.folder}")


@bundle.command("anchors")
@click.argument("folder")
@click.option("--data", type=_FOLDER, required=True, help="The data set it was trained on.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file to write.")
@click.option("--engine", type=click.Choice(["torch", "openvino"]), default="torch", show_default=True)
@_device
def anchors(folder: str, data: Path, out: Path, engine: str, device: str) -> None:
    """Write the anchors of a bundle's embedding space, which schemes of regions use."""
    from mindreader_training.anchors import write_anchors
    from mindreader_training.data.layouts import read_dataset

    loaded = _bundle(folder)
    training = read_dataset(data, "train", loaded.manifest.training.seed)
    write_anchors(loaded, training, _engine(device, engine), out)
    click.echo(f"Wrote {out}")


@bundle.command("int8")
@click.argument("folder")
@click.option("--data", type=_FOLDER, required=True, help="The data set it was trained on.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="The folder to write to.")
def int8(folder: str, data: Path, out: Path) -> None:
    """Write the models of a bundle's photo encoder in int8, which schemes of regions with that precision use."""
    from mindreader.region_schemes import REGION_SCHEMES
    from mindreader_training.data.layouts import read_dataset
    from mindreader_training.int8 import write_int8_models

    loaded = _bundle(folder)
    photos = read_dataset(data, "train", loaded.manifest.training.seed).photos
    for scheme in REGION_SCHEMES.values():
        if scheme.precision == "int8":
            for path in write_int8_models(loaded, photos, scheme.name, out):
                click.echo(f"Wrote {path}")


def _engine(device: str, name: str = "torch", precision: str = "float32") -> Engine:
    """Torch in float32 unless asked: metrics must not depend on the processor they were measured on."""
    from mindreader.inference.engines.choose import choose_engine
    from mindreader.settings import load_settings

    asked = {"device": device, "engine": name, "precision": precision}
    return choose_engine(load_settings().model_copy(update=asked)).load()


def _bundle(name: str) -> Bundle:
    return read_bundle(default_bundle_folder() if name == "default" else Path(name))


def _need_training_extra() -> None:
    for module in ("cv2", "matplotlib", "tensorboard", "torchmetrics"):
        if find_spec(module) is None:
            raise click.ClickException(f"This needs {module}: `pip install 'mindreader[training]'`.")
