"""A batch too large for the device's memory. No such device is here: the network says it, as torch would."""

import numpy as np
import pytest
import torch

from mindreader.errors import NotReadyError
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.networks.descriptions import encoder_description

DESCRIPTION = encoder_description("efficientnet-lite0")


class Small:
    """A device on which only so many images fit."""

    def __init__(self, network, fit):
        self.network, self.fit, self.batches = network, fit, []

    def __call__(self, images):
        self.batches.append(len(images))
        if len(images) > self.fit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.network(images)


@pytest.fixture
def encoder():
    encoder = TorchEngine.on("cpu", "float32").photo_encoder(DESCRIPTION, None)
    encoder._at_once = 1024  # as on a GPU
    return encoder


@pytest.fixture
def photos():
    # Smaller than it was made for: the network takes any size, and how many fit is what matters.
    return np.random.default_rng(0).integers(0, 256, (13, 64, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize("fit", [1, 3, 5, 12])
def test_a_batch_that_does_not_fit_is_embedded_in_smaller_ones(encoder, photos, fit):
    expected = encoder.embed(photos)
    small = encoder._network = Small(encoder._network, fit)
    np.testing.assert_allclose(encoder.embed(photos), expected, atol=1e-5)
    tried = len(small.batches)
    assert max(small.batches) == len(photos)
    encoder.embed(photos)
    assert max(small.batches[tried:]) <= fit, "it has learned nothing"


def test_where_not_even_one_fits_it_says_what_to_do(encoder, photos):
    encoder._network = Small(encoder._network, 0)
    with pytest.raises(NotReadyError, match="MINDREADER_DEVICE=cpu"):
        encoder.embed(photos)
