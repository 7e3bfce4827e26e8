"""Photos by their regions: the whole as ever, each region as a photo of its own would be seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mindreader.boxes import WHOLE
from mindreader.bundles import Bundle, default_bundle_folder, read_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.errors import InvalidInputError
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.regions import RegionEncoder, encoders_of, region_scheme

TORCH = TorchEngine.on("cpu", "float32")


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return read_bundle(default_bundle_folder())


def encoder_of(bundle: Bundle, regions: str) -> RegionEncoder:
    return RegionEncoder(bundle.space.encoder, TORCH, bundle.weights(PROJECTION_FILE), regions)


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def test_without_regions_it_is_the_photo_encoder(shipped):
    side = shipped.space.encoder.input_size
    photos = [photo(side, side, seed) for seed in range(3)]
    found = encoder_of(shipped, "none").embed(photos)
    expected = PhotoEncoder.of_bundle(shipped, TORCH).embed(np.stack(photos))
    assert [each.boxes for each in found] == [(WHOLE,)] * 3
    np.testing.assert_array_equal(np.concatenate([each.vectors for each in found]), expected)


def test_photos_of_any_shape_have_the_whole_first_and_then_their_regions(shipped):
    encoder = encoder_of(shipped, "grid6")
    tall, wide = photo(500, 300), photo(300, 900, 1)
    together = encoder.embed([tall, wide])
    for regions, alone in zip(together, (encoder.embed([tall])[0], encoder.embed([wide])[0]), strict=True):
        assert regions.boxes == (WHOLE, *encoder.scheme.boxes)
        assert regions.vectors.shape == (encoder.scheme.most, shipped.space.dimension)
        np.testing.assert_allclose(np.linalg.norm(regions.vectors, axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(regions.vectors, alone.vectors, atol=1e-5)
    parts = PhotoEncoder(encoders_of(shipped.space.encoder, encoder.scheme)[1], TORCH, shipped.weights(PROJECTION_FILE))
    cut_out = [wide[:180, :540], wide[:180, 360:], wide[120:, :540], wide[120:, 360:], wide[60:240, 180:720]]
    for vector, cut in zip(together[1].vectors[1:], cut_out, strict=True):
        assert vector @ parts.embed(cut[None])[0] > 0.98


def test_nothing_is_asked_for_no_photos(shipped):
    assert encoder_of(shipped, "grid6").embed([]) == []


def test_an_encoder_of_one_size_sees_regions_in_that(shipped):
    encoder, scheme = shipped.space.encoder, region_scheme("grid6")
    whole, parts = encoders_of(encoder, scheme)
    assert whole == encoder
    assert parts == replace(encoder, input_size=177)
    fixed = replace(encoder, flexible=False)
    assert encoders_of(fixed, scheme) == (fixed,)
    assert encoders_of(encoder, region_scheme("none")) == (encoder,)


def test_an_unknown_scheme_names_those_there_are():
    with pytest.raises(InvalidInputError, match=r"no regions 'grid7'.*none, grid6"):
        region_scheme("grid7")
