"""The terms of the loss, by hand."""

import math

import pytest
import torch

from mindreader_training import losses

BANK = torch.eye(4)[[0, 1, 2, 2, 2]]
LABELS = torch.tensor([0, 1, 2, 2, 2])


def test_photos_of_the_own_category_are_wanted_and_all_others_are_contrasts():
    right = losses.photos(torch.eye(4)[:1], BANK, LABELS, torch.tensor([0]), 1.0)
    assert float(right) == pytest.approx(math.log((math.e + 1 + 1) / math.e))
    assert float(losses.photos(torch.eye(4)[:1], BANK, LABELS, torch.tensor([1]), 1.0)) > float(right)


def test_a_category_of_many_photos_counts_as_one_of_few():
    few = losses.photos(torch.eye(4)[:1], BANK[:3], LABELS[:3], torch.tensor([0]), 0.1)
    many = losses.photos(torch.eye(4)[:1], BANK, LABELS, torch.tensor([0]), 0.1)
    torch.testing.assert_close(few, many)
