import hashlib
import json
import socket
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from mindreader.bundles import default_bundle_folder, pack_bundle, read_bundle, unpack_bundle
from mindreader.bundles.manifest import WEIGHT_FILES
from mindreader.errors import BundleError
from mindreader.imaging import decode_sketch, sketch_array
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.inference.loading import load_query_encoder
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import Painting, QueryModel
from mindreader.inference.smoke import check_bundle
from mindreader.inference.weights import resized
from mindreader.networks.descriptions import SpaceDescription
from mindreader.networks.published import find_encoder
from mindreader.vectors import unit
from tests.support.bundles import write_untrained_bundle
from tests.support.sketches import house_png

CPU = TorchEngine.on("cpu", "float32")


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


def _nested(levels):
    return {"deeper": _nested(levels - 1)} if levels else {}


def test_a_bundle_that_was_written_reads_back_and_imagines(folder):
    model = QueryModel(read_bundle(folder), CPU)
    sketch = np.full((model.sketch_size, model.sketch_size), 255, dtype=np.uint8)
    query = model.query(np.stack([sketch, sketch]))
    assert query.shape == (64,)
    assert np.linalg.norm(query) == pytest.approx(1, abs=1e-4)
    assert model.paint(Painting(sketch, np.stack([query] * 3), seed=0)).shape == (3, 64, 64, 3)


def test_sketches_have_gs_size_where_a_bundle_names_none(pristine):
    assert "sketch_size" not in (pristine.folder / "bundle.json").read_text()
    assert (pristine.sketch_size, QueryModel(pristine, CPU).sketch_size) == (64, 64)


def test_a_bundle_keeps_the_size_of_its_sketches(pristine, tmp_path):
    named = write_untrained_bundle(tmp_path / "named", sketch_size=96)
    pack_bundle(named, tmp_path / "named.zip")
    unpacked = unpack_bundle(tmp_path / "named.zip", tmp_path / "unpacked")
    assert (unpacked.sketch_size, unpacked.sha256) == (96, named.sha256)
    assert unpacked.sha256 != pristine.sha256


def test_e1_reads_sketches_at_their_size_and_g_at_its_own(pristine, tmp_path):
    wide = write_untrained_bundle(tmp_path / "wide", sketch_size=96)
    model, narrow = QueryModel(wide, CPU), QueryModel(pristine, CPU)
    drawn = decode_sketch(house_png(), max_bytes=10**6)
    sketch, small = sketch_array(drawn, 96), sketch_array(Image.fromarray(sketch_array(drawn, 96)), 64)
    assert (model.sketch_size, model.image_size, check_bundle(wide, CPU).image_size) == (96, 64, 64)
    images = torch.from_numpy(sketch / np.float32(255)).expand(1, 3, -1, -1)
    read = load_query_encoder(wide)(resized(images, 64)).numpy()
    np.testing.assert_allclose(model.embed_sketches(sketch[None]), read, atol=1e-6)
    assert np.abs(narrow.embed_sketches(small[None]) - read).max() > 1e-3, "smaller sketches would have passed too"
    subjects = np.full((2, 64), 1 / 8, np.float32)
    painted, expected = model.paint(Painting(sketch, subjects, 0)), narrow.paint(Painting(small, subjects, 0))
    np.testing.assert_array_equal(painted, expected)
    imagined = narrow._imagined(small[None], read, [0])
    np.testing.assert_array_equal(model.imagine_batch(sketch[None], [0]), imagined)
    query = unit(narrow.embed(imagined) + read)
    np.testing.assert_allclose(model.queries(sketch[None], [0]), query, atol=1e-6)
    np.testing.assert_allclose(model.query(sketch[None]), query[0], atol=1e-6)


def test_sketches_asked_together_give_what_each_gives_alone(folder):
    model = QueryModel(read_bundle(folder), CPU)
    random = np.random.default_rng(0)
    size = (model.sketch_size, model.sketch_size)
    sketches = [random.integers(0, 256, (looks, *size), dtype=np.uint8) for looks in (2, 1, 3)]
    for query, alone in zip(model.query_each(sketches), map(model.query, sketches), strict=True):
        np.testing.assert_allclose(query, alone, atol=1e-4)
    subjects = random.normal(size=(3, 64)).astype(np.float32)
    asked = [
        Painting(looks[0], subjects[:rows], seed)
        for looks, rows, seed in zip(sketches, (3, 1, 2), (0, 7, 5), strict=True)
    ]
    for images, expected in zip(model.paint_each(asked), map(model.paint, asked), strict=True):
        assert images.shape == expected.shape
        assert np.abs(images.astype(int) - expected).max() <= 1


def test_each_imaginary_image_has_its_own_noise_and_a_seed_gives_the_same_again(folder):
    model = QueryModel(read_bundle(folder), CPU)
    sketch = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    subjects = np.full((2, 64), 1 / 8, np.float32)
    first, again, next_ = (model.paint(Painting(sketch, subjects, seed)) for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first[0] != first[1]).any()
    assert (first[1] == next_[0]).all()


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
        (lambda m: m["query_encoder"].update(sketch_size=63), "sketch_size is 63, but G reads sketches of 64 pixels"),
        (lambda m: m["query_encoder"].update(sketch_size=1025), "sketch_size.*less than or equal to 1024"),
        (lambda m: m["query_encoder"].update(sketch_size="large"), "sketch_size"),
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
        (lambda m: m["generator"].update(image_size=96), "image_size.*power of two"),
        (lambda m: m.update(name="two\nlines"), "name"),
        (lambda m: m["space"]["description"]["encoder"].update(std=[0.5, 0, 0.5]), "std"),
        (lambda m: m["space"]["description"]["encoder"].update(std=[0.5, 1e-30, 0.5]), "std"),
        (lambda m: m["space"]["description"]["encoder"].update(std=[0.5, -1, 0.5]), "std"),
        (lambda m: m["space"]["description"]["encoder"].update(mean=[0.5, 1e30, 0.5]), "mean"),
        (lambda m: m["space"]["description"]["encoder"].update(embedding_layer="x" * 201), "embedding_layer"),
        (lambda m: m["space"]["description"]["encoder"].update(embedding_layer="a\x00b"), "embedding_layer"),
        (lambda m: m["space"]["description"]["encoder"].update(middle_layers=["a"] * 33), "middle_layers"),
        (lambda m: m["space"]["description"]["encoder"]["weights"].update(filename=""), "no file name"),
        (lambda m: m["space"]["description"]["encoder"]["weights"].update(untrained_seed=2**64), "untrained_seed"),
        (lambda m: m.update(metrics=[_nested(40)]), "nested deeper than 32"),
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


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", '"\\ud800"', "1" * 5000])
def test_a_manifest_that_no_other_program_could_read_is_refused(folder, value):
    text = (folder / "bundle.json").read_text()
    (folder / "bundle.json").write_text(text.replace('"metrics": []', f'"metrics": [{{"mean": {value}}}]'))
    with pytest.raises(BundleError, match="not JSON"):
        read_bundle(folder)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("levels", [33, 500, 100_000])
def test_a_manifest_nested_absurdly_is_refused(folder, opening, levels):
    closing = {"[": "]", '{"a":': "}"}[opening]
    (folder / "bundle.json").write_text(opening * levels + "1" + closing * levels)
    with pytest.raises(BundleError, match=r"bundle\.json is nested deeper"):
        read_bundle(folder)


def test_a_manifest_of_many_megabytes_is_refused(folder):
    with (folder / "bundle.json").open("a") as file:
        file.write(" " * 2**22)
    with pytest.raises(BundleError, match=r"bundle\.json is larger"):
        read_bundle(folder)


def test_a_missing_weight_file_is_refused(folder):
    (folder / "generator.safetensors").unlink()
    with pytest.raises(BundleError, match=r"generator\.safetensors"):
        read_bundle(folder)


def _replace_generator(folder, weights):
    data = weights if isinstance(weights, bytes) else safetensors.torch.save(weights)
    (folder / "generator.safetensors").write_bytes(data)
    _edit(folder, lambda m: m["files"].update({"generator.safetensors": hashlib.sha256(data).hexdigest()}))


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (b"not safetensors at all", "cannot be read"),
        ({"x": torch.zeros(1)}, "does not fit"),
    ],
)
def test_weights_that_do_not_fit_are_refused_when_loaded(folder, weights, says):
    _replace_generator(folder, weights)
    with pytest.raises(BundleError, match=says):
        QueryModel(read_bundle(folder), CPU)


def test_weights_that_are_not_finite_are_refused_when_loaded(folder):
    _replace_generator(folder, _generator_weights(folder) | {"paint.bias": torch.full((3,), torch.nan)})
    with pytest.raises(BundleError, match="not finite"):
        QueryModel(read_bundle(folder), CPU)


def _generator_weights(folder):
    return safetensors.torch.load_file(folder / "generator.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        lambda weights: weights.popitem(),
        lambda weights: weights.update(surprise=torch.zeros(1)),
        lambda weights: weights.update({"paint.bias": torch.zeros(4)}),
        lambda weights: weights.update({"paint.bias": torch.zeros(3, 1)}),
    ],
)
def test_missing_unexpected_and_misshapen_weights_are_refused(folder, change):
    weights = _generator_weights(folder)
    change(weights)
    _replace_generator(folder, weights)
    with pytest.raises(BundleError, match=r"generator\.safetensors does not fit"):
        QueryModel(read_bundle(folder), CPU)


def test_a_generator_takes_no_more_memory_than_its_weights_file(folder, monkeypatch):
    """The sizes of a manifest may be those of a network of gigabytes."""
    _edit(folder, lambda m: m["generator"].update(image_size=1024, base_channels=256))
    begun = torch.nn.Conv2d.reset_parameters

    def begin(layer):
        assert layer.weight.is_meta or layer.weight.numel() < 2**24
        begun(layer)

    monkeypatch.setattr(torch.nn.Conv2d, "reset_parameters", begin)
    with pytest.raises(BundleError, match=r"generator\.safetensors does not fit"):
        QueryModel(read_bundle(folder), CPU)


def test_query_encoder_weights_that_do_not_fit_are_refused(folder):
    data = (folder / "generator.safetensors").read_bytes()
    (folder / "query_encoder.safetensors").write_bytes(data)
    checksum = hashlib.sha256(data).hexdigest()
    _edit(folder, lambda m: m["files"].update({"query_encoder.safetensors": checksum}))
    with pytest.raises(BundleError, match=r"query_encoder\.safetensors does not fit"):
        QueryModel(read_bundle(folder), CPU)


def test_whole_numbers_where_others_belong_are_converted(folder):
    weights = _generator_weights(folder)
    _replace_generator(folder, weights | {"paint.bias": torch.ones(3, dtype=torch.int64)})
    sketch = np.full((64, 64), 255, dtype=np.uint8)
    assert np.isfinite(QueryModel(read_bundle(folder), CPU).queries(sketch[None], [0])).all()


def test_a_model_does_not_need_its_files_once_it_is_loaded(folder):
    model = QueryModel(read_bundle(folder), CPU)
    sketch = np.full((64, 64), 255, dtype=np.uint8)
    before = model.queries(sketch[None], [0])
    for file in folder.glob("*.safetensors"):
        file.write_bytes(b"")
    np.testing.assert_array_equal(model.queries(sketch[None], [0]), before)


def _describe(folder, encoder, **query_encoder):
    """Let a bundle name another photo encoder, and the same as its query encoder."""

    def change(manifest):
        old = SpaceDescription.from_json(manifest["space"]["description"])
        space = replace(old, encoder=encoder)
        manifest["space"] = {"photo_encoder": encoder.name, "key": space.key, "description": space.as_json()}
        manifest["query_encoder"].update(architecture=encoder.name, input_size=encoder.input_size, **query_encoder)

    _edit(folder, change)


def _refused_by_both_halves(folder, says):
    bundle = read_bundle(folder)
    for half in (QueryModel, PhotoEncoder.of_bundle):
        with pytest.raises(BundleError, match=says):
            half(bundle, CPU)


@pytest.fixture
def encoder(monkeypatch):
    """A small encoder MindReader does not know by name; nothing may be fetched for it."""
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("something was fetched"))
    return find_encoder("timm:test_resnet", untrained_seed=0)


@pytest.mark.parametrize(
    ("library", "architecture"),
    [
        ("timm", "resnet9000"),
        ("timm", "test_resnet.nonsense"),
        ("timm", "vit_7b_patch16_dinov3.lvd1689m"),
        ("torchvision", "resnet9000"),
        ("torchvision", "fasterrcnn_resnet50_fpn"),
        ("torchvision", "deeplabv3_resnet50"),
        ("torchvision", "raft_large"),
        ("torchvision", "quantized_resnet18"),
        ("torchvision", "r3d_18"),
        ("torchvision", "squeezenet1_0"),
    ],
)
def test_architectures_that_are_no_encoders_are_refused(folder, encoder, library, architecture):
    _describe(folder, replace(encoder, name="odd", library=library, architecture=architecture))
    _refused_by_both_halves(folder, architecture)


@pytest.mark.parametrize("architecture", ["resnet18", "convnext_tiny", "deeplabv3_resnet50"])
def test_a_network_without_vgg_s_layers_cannot_be_cut_like_it(folder, encoder, architecture):
    odd = replace(encoder, library="torchvision", architecture=architecture, embedding_layer="classifier.4")
    _describe(folder, odd)
    _refused_by_both_halves(folder, f"{architecture}|cannot read images|no layer")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dimension": 7}, "length 96, not of 7"),
        ({"architecture": "test_efficientnet", "middle_layers": ()}, "length 256, not of 96"),
        ({"embedding_layer": "nowhere"}, "no layer 'nowhere'"),
        ({"embedding_layer": "layer1"}, "do not come from its layer 'layer1'"),
        ({"embedding_layer": "classifier.4"}, "no layer 'classifier.4'"),
        ({"middle_layers": ("layer1", "layer9")}, "no layer 'layer9'"),
    ],
)
def test_an_encoder_that_is_not_as_described_is_refused(folder, encoder, changes, says):
    _describe(folder, replace(encoder, **changes))
    _refused_by_both_halves(folder, says)


def test_a_known_name_does_not_vouch_for_other_layers(folder):
    _edit(folder, lambda m: m["space"]["description"]["encoder"].update(middle_layers=["nowhere"]))
    with pytest.raises(BundleError, match="no layer 'nowhere'"):
        PhotoEncoder.of_bundle(read_bundle(folder), CPU)


def test_an_encoder_that_takes_one_size_only_is_given_no_other(folder):
    transformer = find_encoder("timm:vit_tiny_patch16_224", untrained_seed=0)
    assert not transformer.flexible
    _describe(folder, transformer)
    _edit(folder, lambda m: m["query_encoder"].update(input_size=64))
    with pytest.raises(BundleError, match=f"takes images of {transformer.input_size} pixels only"):
        read_bundle(folder)
    _describe(folder, replace(transformer, flexible=True))
    _edit(folder, lambda m: m["query_encoder"].update(input_size=64))
    with pytest.raises(BundleError, match="cannot read images of 64 pixels"):
        QueryModel(read_bundle(folder), CPU)


def test_a_bundle_for_a_space_with_regions_is_refused(folder):
    def change(manifest):
        space = replace(SpaceDescription.from_json(manifest["space"]["description"]), regions="grid6")
        manifest["space"].update(key=space.key, description=space.as_json())

    _edit(folder, change)
    with pytest.raises(BundleError, match=r"with regions \(grid6\).*beside it"):
        read_bundle(folder)


def test_a_projection_of_fewer_rows_than_the_space_is_refused(folder):
    weights = safetensors.torch.load_file(folder / "photo_projection.safetensors")
    data = safetensors.torch.save({name: tensor[:32].contiguous() for name, tensor in weights.items()})
    (folder / "photo_projection.safetensors").write_bytes(data)
    checksum = hashlib.sha256(data).hexdigest()

    def change(manifest):
        manifest["files"]["photo_projection.safetensors"] = checksum
        manifest["space"]["description"]["projection"]["sha256"] = checksum
        manifest["space"]["key"] = SpaceDescription.from_json(manifest["space"]["description"]).key

    _edit(folder, change)
    with pytest.raises(BundleError, match=r"photo_projection\.safetensors does not fit"):
        PhotoEncoder.of_bundle(read_bundle(folder), CPU)


def test_the_default_bundle_can_be_sent_and_taken(tmp_path):
    default = read_bundle(default_bundle_folder())
    pack_bundle(default, tmp_path / "default.zip")
    assert unpack_bundle(tmp_path / "default.zip", tmp_path / "in").sha256 == default.sha256


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
