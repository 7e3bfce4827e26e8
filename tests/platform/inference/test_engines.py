"""Both engines say the same; OpenVINO's models are kept, made again when damaged, and need no torch."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mindreader.bundles import Bundle, default_bundle_folder, read_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.errors import BundleError, ConfigurationError, NotReadyError
from mindreader.host import child_programs
from mindreader.inference.engines import choose, compiled_models
from mindreader.inference.engines.choose import EngineChoice, choose_engine
from mindreader.inference.engines.compiled_models import (
    MODEL,
    WEIGHTS,
    CompiledModels,
    NotConvertedError,
    bundle_source,
    convert_in_a_program,
    photo_encoder_source,
)
from mindreader.inference.engines.conversion import convert
from mindreader.inference.engines.openvino_engine import OpenVINOEngine
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.inference.noise import draw_noise
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import Painting, QueryModel
from mindreader.networks.descriptions import GeneratorSizes
from mindreader.settings import load_settings
from tests.support.bundles import altered_bundle, write_untrained_bundle
from tests.support.photos import write_photos
from tests.support.server import environment
from tests.support.temporary import compiled_models as shared_models

TORCH = TorchEngine.on("cpu", "float32")
SAME = {False: 1 - 1e-5, True: 0.98}
"""Least cosine of two unit vectors, in float32 and in bfloat16."""
SAME_LEVELS = {False: 1, True: 8}
"""Largest difference between the values of a pixel, of 255."""


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return read_bundle(default_bundle_folder())


@pytest.fixture(params=[pytest.param(False, id="float32"), pytest.param(True, id="bfloat16", marks=pytest.mark.slow)])
def openvino(request) -> OpenVINOEngine:
    return OpenVINOEngine(CompiledModels(shared_models(), convert_in_a_program), request.param, 2, None)


def sketches(side: int) -> np.ndarray:
    sheets = np.full((2, side, side), 255, np.uint8)
    sheets[0, side // 4 : side // 2, side // 3] = sheets[1, side // 2, 10:-10] = 0
    return sheets


def test_queries_and_imaginary_images_are_the_same_on_both_engines(shipped, openvino):
    theirs, ours = QueryModel(shipped, openvino), QueryModel(shipped, TORCH)
    looks = sketches(ours.sketch_size)
    bfloat16 = openvino.arithmetic == "bfloat16"
    for got, expected in zip(theirs.query_each([looks, looks[:1]]), ours.query_each([looks, looks[:1]]), strict=True):
        assert got @ expected > SAME[bfloat16]
    painting = Painting(looks[0], np.stack([ours.query(looks)] * 3), seed=5)
    got, expected = (model.paint(painting).astype(int) for model in (theirs, ours))
    assert np.abs(got - expected).max() <= SAME_LEVELS[bfloat16]
    assert np.abs(got[0] - got[1]).max() > SAME_LEVELS[bfloat16], "other noise is another image"


def test_photos_have_the_same_embeddings_on_both_engines(shipped, openvino, tmp_path):
    theirs, ours = PhotoEncoder.of_bundle(shipped, openvino), PhotoEncoder.of_bundle(shipped, TORCH)
    side = ours.description.input_size
    files = write_photos(tmp_path, 19, side=side)
    photos = np.stack([np.asarray(Image.open(file).resize((side, side))) for file in files])
    least = SAME[openvino.arithmetic == "bfloat16"]
    got, expected = theirs.embed(photos), ours.embed(photos)
    assert (got * expected).sum(axis=1).min() > least
    np.testing.assert_allclose(theirs.embed(photos[7:8])[0], got[7], atol=1e-6)
    smaller = photos[:2, ::2, ::2]
    assert (theirs.embed(smaller) * ours.embed(smaller)).sum(axis=1).min() > least
    assert theirs.weight_bytes == pytest.approx(ours.weight_bytes, rel=0.05)


@pytest.mark.parametrize(
    ("upsampling", "norm"),
    [
        pytest.param("resize", "group", id="small", marks=pytest.mark.slow),
        pytest.param("transposed", "batch", id="paper"),
    ],
)
def test_a_generator_without_condition_is_the_same_on_both_engines(tmp_path, upsampling, norm):
    sizes = GeneratorSizes(image_size=64, base_channels=8, upsampling=upsampling, norm=norm)
    bundle = write_untrained_bundle(tmp_path / "bundle", sizes=sizes)
    engine = OpenVINOEngine(CompiledModels(shared_models(), convert), False, 1, None)
    model, expected = QueryModel(bundle, engine), QueryModel(bundle, TORCH)
    drawn = sketches(model.sketch_size)
    images = model.imagine_batch(drawn, [2, 3])
    np.testing.assert_allclose(images, expected.imagine_batch(drawn, [2, 3]), atol=1e-3)
    assert np.abs(images - model.imagine_batch(drawn, [4, 5])).max() > 0.01, "other noise is another image"
    np.testing.assert_allclose(model.queries(drawn, [0, 1]), expected.queries(drawn, [0, 1]), atol=1e-4)


@pytest.fixture(scope="module")
def by_a_program(tmp_path_factory) -> CompiledModels:
    """Models that nobody else has made before."""
    return CompiledModels(tmp_path_factory.mktemp("models"), convert_in_a_program)


def test_a_program_makes_models_that_say_the_same(quick_bundle, by_a_program):
    engine = OpenVINOEngine(by_a_program, False, 1, None)
    model, expected = QueryModel(quick_bundle, engine), QueryModel(quick_bundle, TORCH)
    drawn = sketches(model.sketch_size)
    np.testing.assert_allclose(model.queries(drawn, [0, 1]), expected.queries(drawn, [0, 1]), atol=1e-4)
    np.testing.assert_allclose(model.imagine_batch(drawn, [2, 3]), expected.imagine_batch(drawn, [2, 3]), atol=1e-3)


@pytest.mark.parametrize(
    ("sketch_size", "encoder_size"),
    [
        pytest.param(96, 64, id="shrink", marks=pytest.mark.slow),
        pytest.param(80, 96, id="grow", marks=pytest.mark.slow),
        pytest.param(96, 96, id="fit", marks=pytest.mark.slow),
        pytest.param(96, 80, id="both"),
    ],
)
def test_sketches_larger_than_imaginary_images_are_the_same_on_both_engines(
    quick_bundle, tmp_path, sketch_size, encoder_size
):
    """Imaginary images have 64 pixels: E1's own size may lie above, between and below."""
    sizes = {"query_encoder": {"sketch_size": sketch_size, "input_size": encoder_size}}
    bundle = altered_bundle(quick_bundle, tmp_path / "bundle", manifest=sizes)
    # In this process, which has torch already: a program of its own would take three times as long.
    engine = OpenVINOEngine(CompiledModels(shared_models(), convert), False, 1, None)
    model, expected = QueryModel(bundle, engine), QueryModel(bundle, TORCH)
    drawn = sketches(sketch_size)
    np.testing.assert_allclose(model.embed_sketches(drawn), expected.embed_sketches(drawn), atol=1e-4)
    images = np.random.default_rng(0).random((2, 3, 64, 64), np.float32)
    np.testing.assert_allclose(model.embed(images), expected.embed(images), atol=1e-4)
    np.testing.assert_allclose(model.queries(drawn, [0, 1]), expected.queries(drawn, [0, 1]), atol=1e-4)


def test_noise_is_torchs():
    """The shipped bundle was measured with numbers of torch's generator."""
    import torch

    sizes = GeneratorSizes(image_size=64, base_channels=8, upsampling="resize", norm="group", condition=48)
    drawn = draw_noise(sizes, [3, 2**40 + 7])
    for row, seed in enumerate([3, 2**40 + 7]):
        generator = torch.Generator().manual_seed(seed)
        assert drawn.step is not None
        np.testing.assert_allclose(drawn.step[row], torch.randn(48, generator=generator).numpy(), atol=1e-6)
        for mask, shape in zip(drawn.masks, sizes.noisy_layers, strict=True):
            kept = torch.rand(shape, generator=generator).numpy() >= 0.5
            np.testing.assert_array_equal(mask[row], 2.0 * kept)


def test_noise_of_a_row_is_its_seeds_whoever_is_beside_it():
    sizes = GeneratorSizes(image_size=32, base_channels=4, upsampling="transposed")
    together, alone = draw_noise(sizes, [4, 5]), draw_noise(sizes, [5])
    assert together.step is None
    for many, one in zip(together.masks, alone.masks, strict=True):
        np.testing.assert_array_equal(many[1], one[0])


class Copied:
    """Conversion that takes a model made before; counts how often it is asked."""

    def __init__(self, made: Path) -> None:
        self.made, self.asked = made, 0

    def __call__(self, source, folder: Path) -> None:
        self.asked += 1
        for name in (MODEL, WEIGHTS):
            (folder / name).write_bytes((self.made / name).read_bytes())


@pytest.fixture
def copied(quick_bundle, by_a_program) -> Copied:
    return Copied(by_a_program.folder_of(bundle_source("generator", quick_bundle)))


def test_a_model_is_made_once_and_again_when_damaged(quick_bundle, copied, tmp_path):
    source = bundle_source("generator", quick_bundle)
    folder = CompiledModels(tmp_path, copied).folder_of(source)
    assert CompiledModels(tmp_path, copied).folder_of(source) == folder
    assert copied.asked == 1
    for damage in (_cut, _flip, lambda file: file.unlink()):
        for name in (MODEL, WEIGHTS, "checksums.json"):
            before = copied.asked
            damage(folder / name)
            assert CompiledModels(tmp_path, copied).folder_of(source) == folder
            assert copied.asked == before + 1, (damage, name)
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, f"{source.key}.lock"]


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def test_another_version_of_openvino_has_models_of_its_own_and_replaces_those_of_the_last(
    quick_bundle, copied, tmp_path, monkeypatch
):
    source = bundle_source("generator", quick_bundle)
    old = CompiledModels(tmp_path, copied).folder_of(source)
    monkeypatch.setattr(compiled_models, "version", lambda: "3000.1")
    assert CompiledModels(tmp_path, copied).folder_of(source) != old
    assert (copied.asked, old.exists()) == (2, False)


def test_what_fails_halfway_leaves_nothing_behind(quick_bundle, tmp_path):
    def convert(source, folder: Path) -> None:
        (folder / MODEL).write_text("half")
        raise NotConvertedError("no more")

    with pytest.raises(NotConvertedError, match="no more"):
        CompiledModels(tmp_path, convert).folder_of(bundle_source("generator", quick_bundle))
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_a_folder_that_cannot_be_written_to_is_said(quick_bundle, copied, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotConvertedError, match="cannot be written to"):
        CompiledModels(tmp_path / "file" / "models", copied).folder_of(bundle_source("generator", quick_bundle))


def test_networks_of_one_kind_have_keys_of_their_own(shipped, quick_bundle):
    projection = shipped.weights(PROJECTION_FILE)
    keys = {
        bundle_source("generator", shipped).key,
        bundle_source("query_encoder", shipped).key,
        bundle_source("generator", quick_bundle).key,
        photo_encoder_source(shipped.space.encoder, None).key,
        photo_encoder_source(shipped.space.encoder, projection).key,
        photo_encoder_source(shipped.space.encoder, quick_bundle.weights(PROJECTION_FILE)).key,
    }
    assert len(keys) == 6


def test_networks_that_bundles_have_in_common_are_made_once(quick_bundle, tmp_path):
    named = altered_bundle(quick_bundle, tmp_path / "named", manifest={"training": {"seed": 7}})
    assert named.sha256 != quick_bundle.sha256
    for kind in ("generator", "query_encoder"):
        assert bundle_source(kind, named).key == bundle_source(kind, quick_bundle).key
    # G is given sketches at the size of its images, whatever E1 reads.
    larger = altered_bundle(quick_bundle, tmp_path / "larger", manifest={"query_encoder": {"sketch_size": 192}})
    assert bundle_source("generator", larger).key == bundle_source("generator", quick_bundle).key


@pytest.mark.parametrize(
    ("kind", "manifest"),
    [
        ("generator", {"generator": {"norm": "batch"}}),
        ("query_encoder", {"query_encoder": {"input_size": 96}}),
        ("query_encoder", {"query_encoder": {"architecture": "efficientnet-lite2"}}),
        ("query_encoder", {"query_encoder": {"sketch_size": 192}}),
    ],
)
def test_the_same_weights_in_another_network_are_another_model(quick_bundle, tmp_path, kind, manifest):
    other = altered_bundle(quick_bundle, tmp_path / "other", manifest=manifest)
    assert bundle_source(kind, other).key != bundle_source(kind, quick_bundle).key


def refuses(source, folder):
    raise NotConvertedError("no such operation")


def test_what_cannot_be_run_is_not_tried_again_by_the_same_version(quick_bundle, copied, tmp_path, monkeypatch):
    source, tried = bundle_source("generator", quick_bundle), []

    def convert(source, folder: Path) -> None:
        tried.append(source)
        raise NotConvertedError("no such operation", lasting=True)

    for _ in range(2):
        with pytest.raises(NotConvertedError, match="no such operation"):
            CompiledModels(tmp_path, convert).folder_of(source)
    assert len(tried) == 1
    monkeypatch.setattr(compiled_models, "version", lambda: "3000.1")
    assert CompiledModels(tmp_path, copied).folder_of(source).is_dir()
    assert not list(tmp_path.glob("*.refused"))


def test_what_failed_for_another_reason_is_tried_again(quick_bundle, copied, tmp_path):
    source = bundle_source("generator", quick_bundle)
    with pytest.raises(NotConvertedError):
        CompiledModels(tmp_path, refuses).folder_of(source)
    assert CompiledModels(tmp_path, copied).folder_of(source).is_dir()


def test_torch_takes_what_openvino_cannot_run(quick_bundle, tmp_path, caplog):
    engine = OpenVINOEngine(CompiledModels(tmp_path, refuses), False, 1, lambda: TORCH)
    model, expected = QueryModel(quick_bundle, engine), QueryModel(quick_bundle, TORCH)
    drawn = sketches(model.sketch_size)
    np.testing.assert_array_equal(model.queries(drawn, [0, 1]), expected.queries(drawn, [0, 1]))
    assert "so torch does: no such operation" in caplog.text


def test_what_openvino_cannot_run_is_an_error_where_only_openvino_may(quick_bundle, tmp_path):
    engine = OpenVINOEngine(CompiledModels(tmp_path, refuses), False, 1, None)
    with pytest.raises(NotReadyError, match="Set it to auto") as refused:
        QueryModel(quick_bundle, engine)
    assert "no such operation" in refused.value.for_administrators


def test_torch_takes_what_openvino_cannot_load(quick_bundle, tmp_path, caplog):
    def nonsense(source, folder: Path) -> None:
        for name in (MODEL, WEIGHTS):
            (folder / name).write_text("no model")

    engine = OpenVINOEngine(CompiledModels(tmp_path, nonsense), False, 1, lambda: TORCH)
    model, expected = QueryModel(quick_bundle, engine), QueryModel(quick_bundle, TORCH)
    drawn = sketches(model.sketch_size)
    np.testing.assert_array_equal(model.queries(drawn, [0, 1]), expected.queries(drawn, [0, 1]))
    assert "so torch does" in caplog.text


def test_what_is_wrong_with_a_bundle_is_said_as_by_torch(quick_bundle, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in quick_bundle.folder.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    _cut(broken / "generator.safetensors")
    bundle = Bundle(broken, quick_bundle.manifest, "0" * 64)
    engine = OpenVINOEngine(CompiledModels(tmp_path / "models", convert_in_a_program), False, 1, lambda: TORCH)
    with pytest.raises(BundleError, match="checksum"):
        engine.generator(bundle)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({}, "openvino"),
        ({"ENGINE": "openvino"}, "openvino"),
        ({"ENGINE": "torch"}, "torch"),
        ({"DEVICE": "cpu"}, "openvino"),
    ],
)
def test_the_engine_is_chosen_by_settings(asked, name):
    chosen = choose_engine(load_settings({f"MINDREADER_{key}": value for key, value in asked.items()}))
    assert (chosen.name, chosen.device, chosen.load().name) == (name, "cpu", name)
    assert EngineChoice.model_validate_json(chosen.model_dump_json()) == chosen


def test_auto_takes_torch_where_there_is_no_openvino_and_says_so_once(monkeypatch, caplog):
    monkeypatch.setattr(choose, "_is_there", lambda: False)
    choose._is_there_or_said.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert [choose_engine(load_settings({})).name for _ in range(3)] == ["torch"] * 3
    choose._is_there_or_said.cache_clear()
    assert [record.getMessage() for record in caplog.records if "OpenVINO is not installed" in record.getMessage()] == [
        "OpenVINO is not installed, so torch runs the networks, more slowly on a processor. "
        "Where there is a package for this system: pip install openvino"
    ]


def test_openvino_that_is_asked_for_and_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr(choose, "_is_there", lambda: False)
    with pytest.raises(ConfigurationError, match="pip install openvino"):
        choose_engine(load_settings({"MINDREADER_ENGINE": "openvino"}))


def test_openvino_on_a_gpu_is_refused():
    with pytest.raises(ConfigurationError, match="runs on processors"):
        choose_engine(load_settings({"MINDREADER_ENGINE": "openvino", "MINDREADER_DEVICE": "cuda"}))


def test_where_there_is_a_driver_torch_is_asked_for_a_gpu(monkeypatch):
    """There is a driver, says the test; torch finds no GPU here, so OpenVINO it is."""
    asked = []

    def loads(library: str) -> bool:
        asked.append(library)
        return True

    monkeypatch.setattr(choose, "_loads", loads)
    assert choose_engine(load_settings({})).name == "openvino"
    assert asked, "the driver was not looked for"


WORKS = """
import sys, numpy as np
from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.settings import load_settings
from mindreader_workers.embedded import EmbeddedWorkers
from mindreader_webui.server import prepare

services = prepare(load_settings())
workers = EmbeddedWorkers(services.celery, services.settings, services.catalog, services.blobs)
workers.start()
worker = workers._worker
PhotoEncoder.of_bundle(read_bundle(default_bundle_folder()), worker.engine).embed(np.zeros((1, 260, 260, 3), np.uint8))
workers.stop()
print(worker.engine.name, sorted({"torch", "torchvision", "timm", "openvino_telemetry.main"} & sys.modules.keys()))
"""


def test_a_worker_on_a_processor_loads_neither_torch_nor_torchvision_nor_timm(shipped, tmp_path):
    engine = OpenVINOEngine(CompiledModels(shared_models(), convert_in_a_program), True, 1, None)
    QueryModel(shipped, engine)
    PhotoEncoder.of_bundle(shipped, engine)
    # A process of its own from the first line: those that tests fork have loaded torch.
    done = subprocess.run(
        [sys.executable, "-c", WORKS],
        env=environment(tmp_path / "data") | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "openvino []", done.stderr[-3000:]


def test_a_program_that_ends_before_its_time_is_a_reason_not_to_use_openvino(quick_bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(child_programs, "_PYTHON", "false")
    with pytest.raises(NotConvertedError, match="status 1"):
        convert_in_a_program(bundle_source("generator", quick_bundle), tmp_path)


def test_checksums_name_every_file_that_is_used(quick_bundle, copied, tmp_path):
    folder = CompiledModels(tmp_path, copied).folder_of(bundle_source("generator", quick_bundle))
    assert json.loads((folder / "checksums.json").read_text()).keys() == {MODEL, WEIGHTS}
