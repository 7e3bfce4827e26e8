"""Sketches as other people might have drawn them: other, and still the same thing."""

import cv2
import numpy as np
import pytest
import torch

from mindreader_training.data.augmentation import augmented_sketches, without_some_strokes


def strokes(count: int) -> np.ndarray:
    """Ink 255 on 0: so many lines that do not touch."""
    sheet = np.zeros((128, 128), np.uint8)
    for place in np.linspace(8, 119, count).astype(int):
        cv2.line(sheet, (10, int(place)), (118, int(place)), 255, 2)
    return sheet


def sketches(count: int) -> torch.Tensor:
    """The same sketch so many times, in [0, 1]."""
    return torch.from_numpy(255 - strokes(6)).float()[None, None].expand(count, 1, -1, -1) / 255


def augmented(count: int, seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    return augmented_sketches(sketches(count))


@pytest.mark.parametrize("least", [0.25, 0.4])
@pytest.mark.parametrize("count", [1, 3, 20])
def test_some_strokes_are_left_out_but_never_more_than_was_said(count, least):
    whole = strokes(count)
    left = [without_some_strokes(whole, np.random.default_rng(seed), least) for seed in range(60)]
    shares = [float(each.sum() / whole.sum()) for each in left]
    assert least <= min(shares) < least + 0.2, "sometimes much is left out"
    assert max(shares) <= 1


def test_what_is_left_is_as_it_was():
    whole = strokes(12)
    left = without_some_strokes(whole, np.random.default_rng(1), 0.4)
    assert np.all((left == whole) | (left == 0))
    assert cv2.connectedComponents(left)[0] < cv2.connectedComponents(whole)[0]


def test_sometimes_a_whole_side_is_not_yet_drawn():
    """Dots all over the sheet; at random no half of it would be empty."""
    whole = np.zeros((64, 64), np.uint8)
    whole[4::8, 4::8] = 255
    halves = []
    for seed in range(40):
        left = without_some_strokes(whole, np.random.default_rng(seed), 0.25) > 0
        halves.append(min(left[:32].sum(), left[32:].sum(), left[:, :32].sum(), left[:, 32:].sum()))
    assert min(halves) == 0
    assert max(halves) > 8


def test_a_blank_sheet_stays_blank():
    assert not without_some_strokes(np.zeros((64, 64), np.uint8), np.random.default_rng(0), 0.4).any()
    assert torch.allclose(augmented_sketches(torch.ones(8, 1, 64, 64)), torch.ones(8, 1, 64, 64))


def test_the_same_seed_makes_the_same_sketches_and_each_is_another_with_ink_on_it():
    made = augmented(64, seed=1)
    assert torch.equal(made, augmented(64, seed=1))
    assert len({each.numpy().tobytes() for each in made}) == len(made)
    ink, before = (1 - made).sum(dim=(1, 2, 3)), (1 - sketches(1)).sum()
    assert (ink > 0.02 * before).all()
    assert made.min() >= 0
    assert made.max() <= 1


def test_some_are_small_some_thick_and_some_faint():
    made = 1 - augmented(256, seed=0)
    rows, columns = ((made > 0.2).any(dim=axis).float().sum(dim=(1, 2)) for axis in (3, 2))
    extent = torch.maximum(rows, columns) / made.shape[-1]
    assert 0.05 < (extent < 0.6).float().mean() < 0.4
    area = (made > 0.2).float().mean(dim=(1, 2, 3))
    assert area.max() > 2 * area.median(), "a wider pen"
    darkest = made.amax(dim=(1, 2, 3))
    assert (darkest < 0.9).any()
    assert (darkest > 0.95).float().mean() > 0.5


def test_a_thin_stroke_that_shrinks_does_not_fall_into_dots():
    made = 1 - augmented(256, seed=3)
    pieces = [cv2.connectedComponents((each[0].numpy() > 0.05).astype(np.uint8))[0] - 1 for each in made]
    # Six lines; an erased square cuts some in two, and three squares cut no more than all of them.
    assert max(pieces) <= 24
