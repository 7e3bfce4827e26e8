"""One step: which network learns from what, by which random draws."""

import copy
from dataclasses import replace

import pytest
import torch

from mindreader.errors import InvalidInputError
from mindreader_training.overrides import with_overrides
from mindreader_training.presets import Phase, preset
from mindreader_training.query_encoder import freeze_first_stages
from mindreader_training.trainer import scaled_gradient

from timm.layers.drop import DropPath  # isort: skip  # after mindreader.networks, which repairs torchvision's import

NETWORKS = ("g", "d", "e1")
JOINT = Phase("joint", 4, 2, trains_generator=True, query_inputs=("imaginary",), aligned_share=0.5)


@pytest.fixture
def joint(miniature):
    """The paper's joint phase, with its losses and its discriminator, in miniature."""
    return replace(
        miniature,
        phases=(JOINT,),
        conditioned=False,
        discriminator="patch",
        weights=preset("paper").weights,
        retrieval_to_generator=1.0,
    )


def _weights(trainer):
    return {name: copy.deepcopy(list(getattr(trainer, name).parameters())) for name in NETWORKS}


def _changed(trainer, before):
    return {
        name
        for name in NETWORKS
        if any(not torch.equal(a, b) for a, b in zip(before[name], getattr(trainer, name).parameters(), strict=True))
    }


def test_each_phase_updates_its_own_networks_alone(new_run):
    trainer = new_run().trainer
    for step, trained_networks in ((0, {"e1"}), (2, {"g", "d"}), (4, {"e1"})):
        before = _weights(trainer)
        trainer.step(step, trainer.sampler.batch(step))
        assert _changed(trainer, before) == trained_networks


def test_the_average_of_a_short_run_is_near_to_where_it_ended(new_run, miniature):
    trainer = new_run(replace(miniature, ema_decay=0.998)).trainer
    first = [weights.clone() for weights in trainer.e1.parameters()]
    for _ in range(40):
        with torch.no_grad():
            for weights in trainer.e1.parameters():
                weights.add_(0.01)
        trainer.e1_average.update_parameters(trainer.e1)
    moved = [
        float((average - before).detach().mean() / 0.4)
        for average, before in zip(trainer.e1_average.module.parameters(), first, strict=True)
    ]
    assert min(moved) > 0.7, "of the way; with the same decay from the first step it would be a twentieth"


def test_frozen_stages_keep_their_weights_and_the_others_learn(new_run, miniature):
    trainer = new_run(replace(miniature, frozen_stages=4)).trainer
    before = {name: weights.clone() for name, weights in trainer.e1.network.named_parameters()}
    for step in range(2):
        trainer.step(step, trainer.sampler.batch(step))
    changed = {
        name for name, weights in trainer.e1.network.named_parameters() if not torch.equal(weights, before[name])
    }
    assert changed
    first = ("conv_stem", "bn1", "blocks.0.", "blocks.1.", "blocks.2.")
    assert changed == {name for name in before if not name.startswith(first)}


def test_stages_of_an_encoder_that_does_not_name_them_are_not_frozen():
    with pytest.raises(InvalidInputError, match="Leave frozen_stages at 0"):
        freeze_first_stages(torch.nn.Linear(1, 1), 1)


def test_the_preset_says_how_many_sketches_lack_strokes_and_how_much_is_left(new_run, miniature):
    def ink(**settings):
        sampler = new_run(replace(miniature, **settings)).trainer.sampler
        drawn = torch.cat([255 - sampler.batch(step).sketches.int() for step in range(12)])
        return float(drawn.sum(dim=(1, 2, 3)).float().mean())

    whole = ink(unfinished=0.0)
    assert ink(unfinished=1.0, least_ink=0.9) > 0.85 * whole
    assert ink(unfinished=1.0, least_ink=0.1) < ink(unfinished=0.3, least_ink=0.1) < 0.97 * whole


def test_a_joint_step_updates_d_then_g_then_e1_each_by_its_own_method(new_run, joint, monkeypatch):
    trainer = new_run(joint).trainer
    changes = []
    for method in ("update_discriminator", "update_generator", "update_query_encoder"):
        original = getattr(trainer, method)

        def watched(*losses, original=original, method=method):
            before = _weights(trainer)
            terms = original(*losses)
            changes.append((method, _changed(trainer, before), set(terms)))
            return terms

        monkeypatch.setattr(trainer, method, watched)
    trainer.step(0, trainer.sampler.batch(0))
    assert changes == [
        ("update_discriminator", {"d"}, {"discriminator"}),
        ("update_generator", {"g"}, {"gan", "pixel"}),
        ("update_query_encoder", {"e1"}, {"feature"}),
    ]


def test_the_feature_loss_reaches_g_as_in_the_paper_or_not_at_all(new_run, joint):
    settings = replace(joint, weights=replace(joint.weights, gan=0, pixel=0))
    trainer = new_run(settings).trainer
    for step, (share, trained_networks) in enumerate(((0.0, {"d", "e1"}), (1.0, {"g", "d", "e1"}))):
        trainer.preset = replace(settings, retrieval_to_generator=share)
        before = _weights(trainer)
        trainer.step(step, trainer.sampler.batch(step))
        assert _changed(trainer, before) == trained_networks


def test_a_scaled_gradient_leaves_the_images_as_they_are():
    images = torch.rand(2, 3, 4, 4, requires_grad=True)
    scaled = scaled_gradient(images, 0.25)
    torch.testing.assert_close(scaled, images)
    scaled.sum().backward()
    torch.testing.assert_close(images.grad, torch.full_like(images, 0.25))


def test_measuring_changes_nothing_in_the_run(new_run):
    trainer = new_run().trainer
    for step in range(3):
        trainer.step(step, trainer.sampler.batch(step))
    before = {name: tensor.clone() for name, tensor in trainer.e1_average.state_dict().items()}
    measured = [trainer.averaged(3)[1].state_dict() for _ in range(2)]
    for name, tensor in trainer.e1_average.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert all(torch.equal(measured[0][name], measured[1][name]) for name in measured[0])
    assert not torch.equal(measured[0]["network.bn1.running_mean"], before["module.network.bn1.running_mean"])


def test_a_space_without_projection_is_trained_for(new_run, miniature):
    run = new_run(with_overrides(miniature, ["projection=none", "phases.joint fine-tuning.steps=0"]))
    run.train()
    made = run.trainer.result(run.progress.step)
    assert isinstance(made.photo_encoder.projection, torch.nn.Identity)
    assert made.generator.sizes.condition == 1280


def test_a_projection_has_no_more_dimensions_than_the_encoder(new_run, miniature):
    with pytest.raises(InvalidInputError, match="at most that"):
        new_run(with_overrides(miniature, ["projection.dimension=5000"]))


def test_e1_s_blocks_are_dropped_in_training_alone_where_the_preset_says_so(new_run, miniature):
    dropping = new_run(replace(miniature, drop_path=0.5)).trainer
    rates = [module.drop_prob for module in dropping.e1.modules() if isinstance(module, DropPath)]
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(0.5, abs=0.05)
    images = torch.rand(2, 3, 32, 32)
    assert not torch.equal(dropping.e1.train()(images), dropping.e1(images))
    assert torch.equal(dropping.e1.eval()(images), dropping.e1(images))
    assert not any(isinstance(module, DropPath) for module in new_run(miniature).trainer.e1.modules())


def test_photos_are_a_term_where_they_have_a_weight(new_run, miniature):
    trainer = new_run(replace(miniature, weights=replace(miniature.weights, photos=0.5))).trainer
    assert trainer.step(0, trainer.sampler.batch(0))["photos"] > 0
