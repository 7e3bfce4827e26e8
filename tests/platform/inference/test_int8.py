"""E2 in int8: models that MindReader comes with, for OpenVINO alone, in spaces of their own."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mindreader.boxes import WHOLE
from mindreader.bundles import Bundle, default_bundle_folder, read_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.errors import InvalidInputError, NotReadyError
from mindreader.inference.engines import int8_models
from mindreader.inference.engines.compiled_models import CompiledModels, convert_in_a_program
from mindreader.inference.engines.openvino_engine import OpenVINOEngine
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.regions import RegionEncoder
from mindreader.inference.schemes import encoders_of, schemes_for
from mindreader.region_schemes import Precision, region_scheme
from mindreader_training.data.protocols import protocol
from mindreader_training.evaluation.embed import embed_photos
from mindreader_training.evaluation.metrics import retrieval_scores
from mindreader_training.int8 import quantized
from tests.support.temporary import compiled_models

SCHEME = "corners6-int8"
SHIPPED = int8_models._FOLDER


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return read_bundle(default_bundle_folder())


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An installation's own int8 models, of which it has none yet."""
    monkeypatch.setattr(int8_models, "_FOLDER", tmp_path / "int8")
    (tmp_path / "int8").mkdir()
    return tmp_path / "int8"


def never(source, folder):
    raise AssertionError("nothing is converted")


def openvino(folder, convert=never, fallback=None) -> OpenVINOEngine:
    return OpenVINOEngine(CompiledModels(folder, convert), False, 2, fallback)


def encoder_of(bundle: Bundle, engine, regions: str = SCHEME) -> RegionEncoder:
    return RegionEncoder(bundle.space.encoder, engine, bundle.weights(PROJECTION_FILE), regions)


def photo(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((427, 320), Image.Resampling.BICUBIC))


def test_its_embeddings_are_near_to_those_in_float_and_others(shipped, tmp_path):
    photos = [photo(seed) for seed in range(3)]
    found = encoder_of(shipped, openvino(tmp_path)).embed(photos)
    whole = openvino(compiled_models(), convert_in_a_program)
    expected = encoder_of(shipped, whole, "corners6").embed(photos)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.boxes == theirs.boxes
        assert ours.boxes[0] == WHOLE
        np.testing.assert_allclose(np.linalg.norm(ours.vectors, axis=1), 1, atol=1e-5)
        alike = (ours.vectors * theirs.vectors).sum(axis=1)
        assert alike.min() > 0.9
        assert alike.max() < 0.9999, "they are another space's"
        assert (ours.vectors @ theirs.vectors[0]).argmax() == 0


def test_only_spaces_it_was_made_for_have_it(shipped):
    space = shipped.space
    assert SCHEME in [scheme.name for scheme in schemes_for(space)]
    other = replace(space.encoder, input_size=space.encoder.input_size + 32)
    assert SCHEME not in [scheme.name for scheme in schemes_for(replace(space, encoder=other))]
    assert SCHEME not in [scheme.name for scheme in schemes_for(replace(space, projection=None))]


def test_its_space_is_another_than_that_in_float(shipped):
    of_both = {replace(shipped.space, regions=name).key for name in ("none", "corners6", SCHEME)}
    assert len(of_both) == 3


def test_torch_says_that_it_cannot(shipped):
    with pytest.raises(NotReadyError, match=r"embedded in int8, which only OpenVINO does"):
        encoder_of(shipped, TorchEngine.on("cpu", "float32"))


@pytest.mark.slow
def test_it_finds_as_well_as_in_float(shipped, real_data, tmp_path):
    """Photos of the protocol dev find others of their category; 0.005 of the mean average precision may be lost."""
    dataset = protocol(real_data, "dev", 0).dataset
    labels = dataset.labels(dataset.photos)
    encoder, projection = shipped.space.encoder, shipped.weights(PROJECTION_FILE)
    engines: dict[Precision, OpenVINOEngine] = {
        "float": openvino(compiled_models(), convert_in_a_program),
        "int8": openvino(tmp_path),
    }
    found = {}
    for precision, engine in engines.items():
        vectors = embed_photos(PhotoEncoder(encoder, engine, projection, precision), dataset.photos)
        scores = retrieval_scores(vectors, labels, vectors, labels, leave_self_out=True)
        found[precision] = scores.values["map"].mean()
    assert found["int8"] > found["float"] - 0.005


def test_who_makes_one_is_told_what_it_takes(monkeypatch):
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(InvalidInputError, match=r"NNCF is not installed.*mindreader\[int8\]"):
        quantized(None, np.zeros((1, 8, 8, 3), np.uint8))


def test_a_damaged_or_missing_file_is_said_and_nothing_is_left(shipped, tmp_path, elsewhere):
    made = tmp_path / "made"
    with pytest.raises(NotReadyError, match="OpenVINO cannot run this model"):
        encoder_of(shipped, openvino(made))
    assert shipped.space.projection is not None
    for encoder in encoders_of(shipped.space.encoder, region_scheme(SCHEME)):
        name = int8_models.int8_file_name(encoder, shipped.space.projection.sha256)
        sound = (SHIPPED / name).read_bytes()
        for damaged in (b"no zip", sound[: len(sound) // 2], sound[:5000] + b"\xff" * 5000 + sound[10_000:]):
            (elsewhere / name).write_bytes(damaged)
            with pytest.raises(NotReadyError, match="OpenVINO cannot run this model"):
                encoder_of(shipped, openvino(made))
    assert not [path for path in made.iterdir() if path.suffix != ".lock"]
