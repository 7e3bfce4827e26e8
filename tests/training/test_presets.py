import pytest

from mindreader.errors import InvalidInputError
from mindreader_training.overrides import with_overrides
from mindreader_training.presets import continued, preset


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("weights.gan", "NAME=VALUE"),
        ("weights.luck=1", "Unknown setting weights.luck"),
        ("colour=red", "Unknown setting colour"),
        ("temperature.warm=1", "Unknown setting temperature.warm"),
        ("ema_decay=much", "must be like"),
        ("generator.upsampling=magic", "'transposed' or 'resize'"),
        ("generator.condition=12", "Unknown setting generator.condition"),
        ("generator.image_size=100", "power of two"),
        ("conditioned=false", "needs conditioned=true"),
        ("projection.dimension=0", "projection.dimension must be at least 1"),
        ("weights.gan=-1", "must not be negative"),
        ("sketch_weight=1000", "sketch_weight must be from 0 to 100"),
        ("unfinished=2", "unfinished must be from 0 to 1"),
        ("least_ink=1", "least_ink from 0 to 0.95"),
        ("frozen_stages=-1", "frozen_stages must not be negative"),
        ("batch=0", "batch must be at least 1"),
        ("steps=5", "Unknown setting steps"),
        ("phases.dream.steps=5", "Unknown setting phases.dream.steps"),
        ("phases.generator.colour=5", "Unknown setting phases.generator.colour"),
        ("phases.generator.name=joint", "Unknown setting phases.generator.name"),
    ],
)
def test_a_setting_that_does_not_exist_is_an_error(override, message):
    with pytest.raises(InvalidInputError, match=message):
        with_overrides(preset("tiny"), [override])


def test_settings_are_changed_by_name():
    settings = with_overrides(preset("tiny"), ["weights.gan=0.25", "temperature=0.1", "generator.base_channels=4"])
    assert (settings.weights.gan, settings.temperature, settings.generator.base_channels) == (0.25, 0.1, 4)
    assert [p.steps for p in with_overrides(preset("tiny"), ["phases.generator.steps=0"]).phases] == [15, 0, 10]


def test_steps_stretch_every_phase():
    phases = preset("tiny", steps=80).phases
    assert [phase.steps for phase in phases] == [30, 30, 20]


def test_an_unknown_preset_or_setting_is_an_error():
    with pytest.raises(InvalidInputError, match="tiny"):
        preset("huge")
    with pytest.raises(InvalidInputError, match="stepz"):
        preset("tiny", stepz=3)


@pytest.mark.parametrize(
    ("lengths", "done", "steps", "expected"),
    [
        ((900, 1800, 600), 0, 3300, (900, 1800, 600)),
        ((900, 1800, 600), 0, 6600, (1800, 3600, 1200)),
        ((900, 1800, 600), 3300, 5000, (900, 1800, 2300)),
        ((900, 1800, 600), 2700, 3600, (900, 1800, 900)),
        ((900, 1800, 600), 1800, 4800, (900, 2700, 1200)),
        ((900, 1800, 600), 1800, 1800, (900, 900, 0)),
        ((4,), 4, 6, (6,)),
        ((2, 0, 0), 2, 5, (2, 0, 3)),
    ],
)
def test_what_is_left_of_a_run_is_stretched(lengths, done, steps, expected):
    assert continued(lengths, done, steps) == expected
