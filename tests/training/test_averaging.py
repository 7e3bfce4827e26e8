"""A bundle whose E1 has the mean of two bundles' weights."""

import pytest
import torch
from click.testing import CliRunner

from mindreader.bundles import read_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.errors import InvalidInputError
from mindreader.inference.loading import load_query_encoder
from mindreader_training.averaging import average_bundles
from mindreader_training.commands import bundle as bundle_commands
from mindreader_training.export import export_bundle
from mindreader_training.overrides import with_overrides
from mindreader_training.presets import preset
from mindreader_training.start import Start, preset_for
from tests.support.bundles import RECORD, write_untrained_bundle


@pytest.fixture
def first(trained):
    return read_bundle(trained / "bundle")


@pytest.fixture(scope="module")
def at_hand(tmp_path_factory):
    """Where the other bundle lies, once a test has made it."""
    return tmp_path_factory.mktemp("bundles") / "other"


@pytest.fixture
def other(first, new_run, at_hand):
    """A bundle of the same space, trained on from the first one."""
    if at_hand.exists():
        return read_bundle(at_hand)
    library = with_overrides(preset("library"), ["batch=2", "ema_decay=0", "projection_alone=false"])
    trainer = new_run(preset_for(first, library), start=Start(first)).trainer
    trainer.step(0, trainer.sampler.batch(0))
    record = RECORD.model_copy(update={"command": "mindreader train --library", "steps": 1})
    return export_bundle(at_hand, "library", trainer.result(1), record, "other")


@pytest.mark.parametrize(
    "share", [pytest.param(0.0, marks=pytest.mark.slow), 0.25, pytest.param(1.0, marks=pytest.mark.slow)]
)
def test_the_weights_are_so_much_of_one_and_the_rest_of_the_other(first, other, share, tmp_path):
    made = average_bundles(first, other, share, "average", tmp_path / "made", "made")
    weights, ours, theirs = (load_query_encoder(each).state_dict() for each in (made, first, other))
    for name, value in weights.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, ours[name] * (1 - share) + theirs[name] * share, rtol=2e-3, atol=1e-4)
    assert any(not torch.equal(ours[name], theirs[name]) for name in ours)


def test_all_else_is_the_first_one_s(first, other, tmp_path):
    made = average_bundles(first, other, 0.5, "average", tmp_path / "made", "made")
    assert made.space.key == first.space.key
    for name in ("generator.safetensors", PROJECTION_FILE):
        assert made.weights(name).read_bytes() == first.weights(name).read_bytes()
    assert made.manifest.query_encoder == first.manifest.query_encoder
    assert made.manifest.generator == first.manifest.generator


def test_the_record_names_both_and_how_they_were_put_together(first, other, tmp_path):
    training = average_bundles(first, other, 0.5, "average them", tmp_path / "made", "made").manifest.training
    commands = [first.manifest.training.command, "mindreader train --library", "average them"]
    assert training.command == "; ".join(commands)
    assert training.steps == first.manifest.training.steps + 1


def test_bundles_of_other_spaces_have_no_mean(first, tmp_path):
    stranger = write_untrained_bundle(tmp_path / "stranger", seed=5)
    with pytest.raises(InvalidInputError, match="no mean"):
        average_bundles(first, stranger, 0.5, "average", tmp_path / "made", "made")
    assert not (tmp_path / "made").exists()


def test_the_command_writes_it_once(first, other, tmp_path):
    options = ["average", str(first.folder), str(other.folder), "--share", "0.5", "--out", str(tmp_path / "made")]
    done = CliRunner().invoke(bundle_commands, options)
    assert done.exit_code == 0, done.output
    assert read_bundle(tmp_path / "made").manifest.name == "made"
    again = CliRunner().invoke(bundle_commands, options)
    assert again.exit_code == 2
    assert "is there already" in again.output
