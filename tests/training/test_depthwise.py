"""Depthwise convolutions whose gradients are slow in bfloat16 take float32 on a processor, and nothing else changes."""

import copy

import pytest
import torch
from torch import nn

from mindreader.networks.compute import Compute
from mindreader_training.depthwise import keep_gradients_fast

BFLOAT16 = Compute(torch.device("cpu"), bfloat16=True)
FLOAT32 = Compute(torch.device("cpu"), bfloat16=False)


def _layers(*, stride=1, kernel=3, groups=8):
    torch.manual_seed(0)
    depthwise = nn.Conv2d(8, 8, kernel, stride, kernel // 2, groups=groups)
    return nn.Sequential(nn.Conv2d(3, 8, 1), depthwise, nn.Conv2d(8, 4, 1))


def _dtypes(layers, compute):
    """What each layer gives with autocast on."""
    keep_gradients_fast(layers, compute)
    seen = []
    for layer in layers:
        layer.register_forward_hook(lambda _layer, _images, result: seen.append(result.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        layers(torch.rand(1, 3, 12, 12))
    return seen


@pytest.mark.parametrize("shape", [{"stride": 2}, {"kernel": 5}])
def test_strided_and_wide_ones_take_float32(shape):
    assert _dtypes(_layers(**shape), BFLOAT16) == [torch.bfloat16, torch.float32, torch.bfloat16]


@pytest.mark.parametrize("shape", [{}, {"kernel": 5, "groups": 1}, {"stride": 2, "groups": 2}])
def test_all_others_stay_in_bfloat16(shape):
    assert _dtypes(_layers(**shape), BFLOAT16) == [torch.bfloat16] * 3


def test_nothing_changes_where_all_is_float32():
    layers = _layers(stride=2)
    keep_gradients_fast(layers, FLOAT32)
    assert {type(layer) for layer in layers} == {nn.Conv2d}


def test_weights_keep_their_names_and_values_and_copies_have_their_own():
    layers = _layers(kernel=5)
    before, images = copy.deepcopy(layers), torch.rand(2, 3, 12, 12)
    for _ in range(2):  # a second time changes nothing more
        keep_gradients_fast(layers, BFLOAT16)
    assert list(layers.state_dict()) == list(before.state_dict())
    assert torch.equal(layers(images), before(images))
    copied = copy.deepcopy(layers)
    with torch.no_grad():
        copied[1].weight.zero_()
    assert torch.equal(layers(images), before(images))
    assert not torch.equal(copied(images), before(images))


def test_gradients_are_those_of_float32():
    layers, images = _layers(stride=2), torch.rand(2, 3, 12, 12)
    layers(images).sum().backward()
    wanted = [weights.grad.clone() for weights in layers.parameters()]
    layers.zero_grad()
    keep_gradients_fast(layers, BFLOAT16)
    with torch.autocast("cpu", torch.bfloat16):
        layers(images).float().sum().backward()
    for weights, gradient in zip(layers.parameters(), wanted, strict=True):
        assert torch.allclose(weights.grad, gradient, rtol=0.02, atol=0.02 * float(gradient.abs().max()))
