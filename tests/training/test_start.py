"""A run that starts from a bundle, in its space; E1 trained further so that it keeps what it knew."""

from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner

from mindreader.bundles import read_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.errors import InvalidInputError
from mindreader_training.commands import train
from mindreader_training.losses import attracted
from mindreader_training.overrides import with_overrides
from mindreader_training.presets import preset
from mindreader_training.start import Start, preset_for, preset_in_space
from tests.training.conftest import MINIATURE


@pytest.fixture
def bundle(trained):
    return read_bundle(trained / "bundle")


@pytest.fixture
def library(bundle):
    """The preset `library` in miniature, for that bundle."""
    chosen = with_overrides(preset("library"), ["batch=2", "phases.library.steps=4", "ema_decay=0"])
    return preset_for(bundle, chosen)


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_sizes_and_space_are_the_bundles(bundle, library):
    assert library.generator == preset("tiny").generator
    assert (library.query_encoder, library.query_encoder_size) == ("efficientnet-lite0", 64)
    assert library.conditioned
    assert library.projection is None
    assert library.sketch_weight == bundle.manifest.query_encoder.sketch_weight


def test_the_networks_begin_as_the_bundles_and_only_e1_learns(new_run, bundle, library):
    start = Start(bundle)
    trainer = new_run(library, start=start).trainer
    assert same(trainer.e1, start.query_encoder())
    terms = trainer.step(0, trainer.sampler.batch(0))
    assert set(terms) == {"distillation"}
    assert terms["distillation"] > 0
    assert not same(trainer.e1.projection, start.query_encoder().projection)
    assert same(trainer.e1.network, start.query_encoder().network), "the projection learns alone"
    assert same(trainer.g, start.generator())


def test_a_whole_e1_is_held_near_to_the_one_it_began_as(new_run, bundle, library):
    weights = replace(library.weights, category=1.0, instance=0.25)
    whole = replace(library, weights=weights, projection_alone=False, attraction=0.0)
    trainer = new_run(whole, start=Start(bundle)).trainer
    norms = [value.clone() for name, value in trainer.e1.state_dict().items() if "running" in name]
    terms = trainer.step(0, trainer.sampler.batch(0))
    assert set(terms) == {"category", "instance", "distillation"}
    assert terms["distillation"] == pytest.approx(0, abs=1e-4)  # it is the E1 that it began with
    assert not same(trainer.e1.network, Start(bundle).query_encoder().network)
    assert trainer.step(1, trainer.sampler.batch(1))["distillation"] > 0
    kept = [value for name, value in trainer.e1.state_dict().items() if "running" in name]
    assert all(torch.equal(a, b) for a, b in zip(norms, kept, strict=True)), "the norms are frozen"


def test_what_is_exported_is_of_the_same_space(new_run, bundle, library, tmp_path):
    from mindreader_training.export import export_bundle
    from tests.support.bundles import RECORD

    trainer = new_run(library, start=Start(bundle)).trainer
    for step in range(2):
        trainer.step(step, trainer.sampler.batch(step))
    made = trainer.result(2)
    assert same(made.query_encoder, trainer.e1_average.module)
    exported = export_bundle(tmp_path / "made", "library", made, RECORD, "made")
    assert exported.space.key == bundle.space.key
    assert exported.weights(PROJECTION_FILE).read_bytes() == bundle.weights(PROJECTION_FILE).read_bytes()


def test_embeddings_that_are_known_are_not_made_again(new_run, bundle, library):
    with pytest.raises(InvalidInputError, match="16 photos, but embeddings of 3"):
        new_run(library, start=Start(bundle, torch.eye(64).numpy()[:3]))
    known = torch.eye(64).numpy()[:16]
    trainer = new_run(library, start=Start(bundle, known)).trainer
    assert torch.equal(trainer.photo_bank.embeddings, torch.from_numpy(known))


def test_a_run_of_another_start_is_not_gone_on_with(new_run, bundle, library, miniature):
    new_run(library, start=Start(bundle)).save()
    plain = replace(library, projection_alone=False, weights=replace(library.weights, distillation=0.0, category=1.0))
    with pytest.raises(InvalidInputError, match="other settings"):
        new_run(plain).resume()


def test_keeping_near_to_a_start_needs_one(new_run, library):
    with pytest.raises(InvalidInputError, match="--from BUNDLE"):
        new_run(library)


def test_the_command_line_starts_from_a_bundle(trained, drawn_data, tmp_path):
    options = ["--preset", "tiny", "--steps", "3", "--data", str(drawn_data), "--out", str(tmp_path / "run")]
    options += ["--from", str(trained / "bundle"), "--device", "cpu", "--set", "batch=2"]
    done = CliRunner().invoke(train, options)
    assert done.exit_code == 0, done.output
    made, first = read_bundle(tmp_path / "run" / "bundle"), read_bundle(trained / "bundle")
    assert made.space.key == first.space.key
    assert made.manifest.generator == first.manifest.generator
    refused = CliRunner().invoke(train, [*options, "--photo-encoder", "efficientnet-lite2"])
    assert refused.exit_code == 2
    assert "--from and --space bring their own encoders" in refused.output
    refused = CliRunner().invoke(train, [*options, "--space", str(trained / "bundle")])
    assert "leave --space out" in refused.output


def test_the_command_line_trains_anew_in_a_bundle_s_space(trained, drawn_data, tmp_path):
    options = ["--preset", "tiny", "--steps", "3", "--data", str(drawn_data), "--out", str(tmp_path / "run")]
    options += ["--space", str(trained / "bundle"), "--device", "cpu", *(f"--set={each}" for each in MINIATURE)]
    done = CliRunner().invoke(train, options)
    assert done.exit_code == 0, done.output
    made, first = read_bundle(tmp_path / "run" / "bundle"), read_bundle(trained / "bundle")
    assert made.space.key == first.space.key
    assert made.weights(PROJECTION_FILE).read_bytes() == first.weights(PROJECTION_FILE).read_bytes()
    assert made.manifest.generator.image_size == 32, "the sizes are the preset's"


def test_networks_that_begin_anew_in_a_space_are_not_the_bundle_s(new_run, bundle, miniature):
    trainer = new_run(preset_in_space(bundle, miniature), start=Start(bundle, anew=True)).trainer
    assert trainer.first_e1 is None
    assert not same(trainer.e1.network, Start(bundle).query_encoder().network)
    assert same(trainer.e1.network, trainer.photo_bank.encoder.network), "published weights"
    assert same(trainer.e1.projection, trainer.photo_bank.encoder.projection)
    assert trainer.identity["start"] == bundle.sha256


def test_nothing_is_kept_near_to_a_start_that_is_not_used(new_run, bundle, library):
    with pytest.raises(InvalidInputError, match="--from BUNDLE"):
        new_run(library, start=Start(bundle, anew=True))


def test_a_data_set_or_the_library(tmp_path):
    refused = CliRunner().invoke(train, ["--preset", "tiny"])
    assert "--data and --out, or --library" in refused.output
    refused = CliRunner().invoke(train, ["--library", "--out", str(tmp_path)])
    assert "--library goes with --resume and --set alone" in refused.output


def test_a_miniature_without_a_start_is_as_before(new_run, miniature):
    assert MINIATURE
    trainer = new_run(miniature).trainer
    assert "start" not in trainer.identity
    assert trainer.first_e1 is None


def test_what_is_taught_is_drawn_to_the_nearest_centroid():
    embeddings, centroids = torch.eye(4)[:2], torch.eye(4)[[1, 2]]
    drawn = attracted(embeddings, centroids, 0.5, 0.01)
    torch.testing.assert_close(drawn[1], torch.eye(4)[1])  # is one itself
    torch.testing.assert_close(drawn[0], torch.nn.functional.normalize(torch.tensor([1.0, 0.25, 0.25, 0.0]), dim=0))
    torch.testing.assert_close(attracted(embeddings, centroids, 0.0, 0.01), embeddings)


def test_numbers_that_teach_nothing_are_refused(library):
    for change, why in (("drop_path=1", "drop_path must be"), ("attraction=-1", "attraction must not be negative")):
        with pytest.raises(InvalidInputError, match=why):
            with_overrides(library, [change])
