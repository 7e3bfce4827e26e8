"""Photos by their regions: the whole as ever, each region as a photo of its own would be seen, drawn to anchors."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from mindreader.boxes import WHOLE, Box
from mindreader.bundles import Bundle, default_bundle_folder, read_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.errors import InvalidInputError
from mindreader.inference.anchors import Anchors
from mindreader.inference.engines.compiled_models import CompiledModels, convert_in_a_program
from mindreader.inference.engines.openvino_engine import OpenVINOEngine
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.regions import (
    MOST_VECTORS,
    RegionEncoder,
    crop,
    region_scheme,
)
from mindreader.inference.schemes import encoders_of, schemes_for
from mindreader.inference.sketches.place import place_agreement
from tests.support.temporary import compiled_models

TORCH = TorchEngine.on("cpu", "float32")


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return read_bundle(default_bundle_folder())


@cache  # loading takes seconds
def encoder_of(regions: str) -> RegionEncoder:
    bundle = read_bundle(default_bundle_folder())
    return RegionEncoder(bundle.space.encoder, TORCH, bundle.weights(PROJECTION_FILE), regions)


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def test_without_regions_it_is_the_photo_encoder(shipped):
    side = shipped.space.encoder.input_size
    photos = [photo(side, side, seed) for seed in range(3)]
    found = encoder_of("none").embed(photos)
    expected = PhotoEncoder.of_bundle(shipped, TORCH).embed(np.stack(photos))
    assert [each.boxes for each in found] == [(WHOLE,)] * 3
    np.testing.assert_array_equal(np.concatenate([each.vectors for each in found]), expected)


def test_photos_of_any_shape_have_the_whole_first_and_then_their_regions(shipped):
    encoder = encoder_of("grid6")
    tall, wide = photo(500, 300), photo(300, 560, 1)
    together = encoder.embed([tall, wide])
    for regions, alone in zip(together, (encoder.embed([tall])[0], encoder.embed([wide])[0]), strict=True):
        assert regions.boxes == (WHOLE, *encoder.scheme.boxes)
        assert regions.vectors.shape == (6, shipped.space.dimension)
        np.testing.assert_allclose(np.linalg.norm(regions.vectors, axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(regions.vectors, alone.vectors, atol=1e-5)
    cut_out = [wide[:180, :336], wide[:180, 224:], wide[120:, :336], wide[120:, 224:], wide[60:240, 112:448]]
    for vector, cut in zip(together[1].vectors[1:], cut_out, strict=True):
        assert vector @ parts_of("grid6").embed(cut[None])[0] > 0.98


@cache
def parts_of(regions: str) -> PhotoEncoder:
    bundle = read_bundle(default_bundle_folder())
    encoder = encoders_of(bundle.space.encoder, region_scheme(regions))[1]
    return PhotoEncoder(encoder, TORCH, bundle.weights(PROJECTION_FILE))


def test_photos_with_different_numbers_of_regions_keep_their_own_and_are_drawn_to_anchors(shipped):
    assert shipped.space.projection is not None
    anchors = Anchors.of_projection(shipped.space.projection.sha256)
    assert anchors is not None
    panorama, ordinary = photo(160, 640), photo(320, 400, 1)
    first, second = encoder_of("corners6").embed([panorama, ordinary])
    assert len(first.boxes) == len(first.vectors) == 8
    assert len(second.boxes) == len(second.vectors) == 6
    parts = parts_of("corners6")
    for regions, cut, row in (
        (first, panorama[:, :160], 2),
        (first, panorama[:, 480:], 7),
        (second, ordinary[128:, 160:], 5),
    ):
        assert regions.vectors[row] @ anchors.attract(parts.embed(cut[None]))[0] > 0.98
    whole = PhotoEncoder.of_bundle(shipped, TORCH).embed(crop(panorama, WHOLE, 260)[None])
    np.testing.assert_allclose(first.vectors[:1], whole, atol=1e-5, err_msg="photos are compared by it")
    np.testing.assert_allclose(first.vectors[1:2], anchors.attract(whole), atol=1e-5)


def test_both_engines_say_the_same(shipped):
    models = CompiledModels(compiled_models(), convert_in_a_program)
    engine = OpenVINOEngine(models, bfloat16=False, threads=2, fallback=None)
    theirs = RegionEncoder(shipped.space.encoder, engine, shipped.weights(PROJECTION_FILE), "corners6")
    photos = [photo(160, 640), photo(320, 400, 1)]
    for got, expected in zip(theirs.embed(photos), encoder_of("corners6").embed(photos), strict=True):
        assert got.boxes == expected.boxes
        assert (got.vectors * expected.vectors).sum(axis=1).min() > 1 - 1e-4


@pytest.mark.parametrize(("width", "height"), [(641, 320), (320, 641), (1600, 320), (64000, 320)])
def test_a_panorama_is_looked_at_in_squares_side_by_side(width, height):
    first, second, *squares = region_scheme("corners6").regions(width, height)
    assert first == second == WHOLE
    assert len(squares) <= MOST_VECTORS - 2
    assert len(region_scheme("grid6").regions(width, height)) <= MOST_VECTORS
    for box in squares:
        assert (box.right - box.left) * width == pytest.approx((box.bottom - box.top) * height)
        assert 0 <= box.left < box.right <= 1
        assert 0 <= box.top < box.bottom <= 1
    assert (squares[0].left, squares[0].top) == (0, 0)
    assert (squares[-1].right, squares[-1].bottom) == pytest.approx((1, 1))
    if max(width, height) / min(width, height) < 5:
        for one, next_one in pairwise(squares):
            assert next_one.left < one.right
            assert next_one.top < one.bottom


def test_what_is_no_panorama_has_its_corners():
    scheme = region_scheme("corners6")
    assert scheme.regions(640, 320) == (WHOLE, WHOLE, *scheme.boxes)
    assert scheme.vectors == 6
    assert region_scheme("none").regions(900, 100) == (WHOLE,)


def test_a_space_without_anchors_has_only_schemes_that_need_none(shipped):
    space = shipped.space
    assert [scheme.name for scheme in schemes_for(space)] == ["corners6", "grid6", "none", "corners6-int8"]
    assert [scheme.name for scheme in schemes_for(replace(space, projection=None))] == ["grid6", "none"]
    with pytest.raises(InvalidInputError, match=r"'corners6' need anchors"):
        RegionEncoder(space.encoder, TORCH, None, "corners6")


def test_nothing_is_asked_for_no_photos(shipped):
    assert encoder_of("grid6").embed([]) == []


def test_an_encoder_of_one_size_sees_regions_in_that(shipped):
    encoder, scheme = shipped.space.encoder, region_scheme("grid6")
    whole, parts = encoders_of(encoder, scheme)
    assert whole == encoder
    assert parts == replace(encoder, input_size=177)
    fixed = replace(encoder, flexible=False)
    assert encoders_of(fixed, scheme) == (fixed,)
    assert encoders_of(encoder, region_scheme("none")) == (encoder,)


def test_an_unknown_scheme_names_those_there_are():
    with pytest.raises(InvalidInputError, match=r"no regions 'grid7'.*corners6, grid6, none"):
        region_scheme("grid7")


def test_the_same_place_agrees_wholly_and_another_less_the_farther_and_the_more_different_in_size():
    drawn = Box(0.1, 0.1, 0.3, 0.3)
    boxes = [drawn, Box(0.2, 0.1, 0.4, 0.3), Box(0.7, 0.7, 0.9, 0.9), Box(0.05, 0.05, 0.35, 0.35), WHOLE]
    same, near, far, larger, whole = place_agreement(drawn, boxes)
    assert same == 1
    assert same > near > far > 0
    assert same > larger > whole > 0
    assert place_agreement(drawn, []).shape == (0,)
