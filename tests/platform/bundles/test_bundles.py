import json

import numpy as np
import pytest
import safetensors.torch
import torch
from support.bundles import write_untrained_bundle

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.bundles.manifest import WEIGHT_FILES
from mindreader.errors import BundleError
from mindreader.networks.compute import choose_compute
from mindreader.networks.descriptions import SpaceDescription
from mindreader.networks.query_model import PhotoEncoder, QueryModel

CPU = choose_compute("cpu", "float32")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    return write_untrained_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def folder(pristine, tmp_path):
    for file in pristine.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def _edit(folder, change):
    manifest = json.loads((folder / "bundle.json").read_text())
    change(manifest)
    (folder / "bundle.json").write_text(json.dumps(manifest))


def test_a_bundle_that_was_written_reads_back_and_imagines(folder):
    model = QueryModel(read_bundle(folder), CPU)
    sketch = np.full((model.image_size, model.image_size), 255, dtype=np.uint8)
    imagined = model.imagine(sketch, [0, 1, 2])
    assert imagined.imaginary_images.shape == (3, 64, 64, 3)
    assert imagined.queries.shape == (3, 64)
    np.testing.assert_allclose(np.linalg.norm(imagined.queries, axis=1), 1, atol=1e-4)


def test_the_same_weights_give_the_same_identity(pristine, tmp_path):
    assert write_untrained_bundle(tmp_path / "again").sha256 == pristine.sha256
    assert write_untrained_bundle(tmp_path / "other", seed=1).sha256 != pristine.sha256


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.update(schema_version=2), "schema_version"),
        (lambda m: m.update(surprise=1), "surprise"),
        (lambda m: m["generator"].update(image_size=10**9), "image_size"),
        (lambda m: m["space"].update(photo_encoder="clip-9000"), "clip-9000"),
        (lambda m: m["space"].update(key="0" * 16), "0000000000000000"),
        (lambda m: m["query_encoder"].update(architecture="nobody"), "nobody"),
        (lambda m: m["generator"].update(condition=32), "conditions of length 32"),
        (lambda m: m["space"]["description"].pop("encoder"), "encoder"),
        (lambda m: m["space"]["description"].update(luck=1), "luck"),
        (lambda m: m["space"]["description"]["encoder"]["weights"].pop("sha256"), "no checksum"),
        (lambda m: m["space"]["description"]["encoder"].update(architecture="hf-hub:evil/network"), "architecture"),
        (lambda m: m["space"]["description"]["encoder"]["weights"].update(url="https://evil.example/x.pth"), "url"),
        (lambda m: m["space"]["description"]["encoder"]["weights"].update(filename="../x.pth"), "filename"),
        (lambda m: m["space"]["description"]["encoder"]["weights"].update(hub="evil/network"), "hub"),
        (lambda m: m["files"].pop("photo_projection.safetensors"), "photo_projection"),
        (lambda m: m["files"].update({"photo_projection.safetensors": "0" * 64}), "not the projection"),
        (lambda m: m["files"].update({"../../etc/passwd": "0" * 64}), "exactly the files"),
        (lambda m: m["files"].pop("generator.safetensors"), "exactly the files"),
        (lambda m: m["files"].update({"generator.safetensors": "0" * 64}), "damaged"),
    ],
)
def test_a_manifest_that_is_not_in_order_is_refused_by_name(folder, change, says):
    _edit(folder, change)
    with pytest.raises(BundleError, match=says):
        read_bundle(folder)


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(BundleError, match=r"bundle\.json"):
        read_bundle(tmp_path)


def test_a_manifest_that_is_no_json_is_refused(folder):
    (folder / "bundle.json").write_text("{")
    with pytest.raises(BundleError, match="not JSON"):
        read_bundle(folder)


def test_a_missing_weight_file_is_refused(folder):
    (folder / "generator.safetensors").unlink()
    with pytest.raises(BundleError, match=r"generator\.safetensors"):
        read_bundle(folder)


def _replace_generator(folder, weights):
    import hashlib

    data = weights if isinstance(weights, bytes) else safetensors.torch.save(weights)
    (folder / "generator.safetensors").write_bytes(data)
    _edit(folder, lambda m: m["files"].update({"generator.safetensors": hashlib.sha256(data).hexdigest()}))


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (b"not safetensors at all", "cannot be read"),
        ({"x": torch.zeros(1)}, "does not fit"),
        ({"x": torch.tensor([float("nan")])}, "not finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused_when_loaded(folder, weights, says):
    _replace_generator(folder, weights)
    with pytest.raises(BundleError, match=says):
        QueryModel(read_bundle(folder), CPU)


def test_the_default_bundle_is_in_order_and_small_enough():
    bundle = read_bundle(default_bundle_folder())
    assert sum(bundle.weights(name).stat().st_size for name in WEIGHT_FILES) < 32 * 2**20
    assert bundle.manifest.metrics, "the shipped bundle carries its dev evaluation"


def test_photos_are_embedded_with_the_projection_of_the_bundle(pristine):
    space = pristine.space
    projected, plain = PhotoEncoder.of_bundle(pristine, CPU), PhotoEncoder(space.encoder, CPU)
    photos = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    weights = safetensors.torch.load_file(pristine.weights("photo_projection.safetensors"))
    expected = plain.embed(photos) @ weights["weight"].float().numpy().T + weights["bias"].float().numpy()
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(projected.embed(photos), expected, atol=1e-3)
    assert space.key != SpaceDescription(space.encoder).key


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ({"weight": torch.zeros(64, 1280)}, "no projection"),
        ({"weight": torch.zeros(64), "bias": torch.zeros(64)}, "no projection"),
        ({"weight": torch.zeros(64, 99), "bias": torch.zeros(64)}, "does not fit"),
        ({"weight": torch.full((64, 1280), torch.nan), "bias": torch.zeros(64)}, "not finite"),
    ],
)
def test_a_projection_that_does_not_fit_is_refused(pristine, tmp_path, weights, says):
    path = tmp_path / "photo_projection.safetensors"
    safetensors.torch.save_file(weights, path)
    with pytest.raises(BundleError, match=says):
        PhotoEncoder(pristine.space.encoder, CPU, path)
