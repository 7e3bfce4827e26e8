"""Training with other encoders, and the paper's preset at its real size; weights here are random."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch
from click.testing import CliRunner
from PIL import Image, ImageDraw

from mindreader.blobs import BlobStore
from mindreader.bundles import read_bundle
from mindreader.catalog import Catalog
from mindreader.errors import InvalidInputError
from mindreader.imaging import Sketch
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.inference.query_model import QueryModel
from mindreader.messages import SearchRequest
from mindreader.model_versions.registry import bundle_store, install
from mindreader.networks.discriminator import PatchDiscriminator
from mindreader.networks.published import find_encoder
from mindreader.photo_index import IndexFilter, IndexPoint, PhotoIndexes
from mindreader.search.searcher import Searcher
from mindreader.settings import Settings
from mindreader_training.commands import train
from mindreader_training.data.layouts import read_dataset
from mindreader_training.overrides import with_overrides
from mindreader_training.presets import preset
from mindreader_training.trainer import Trainer

import timm  # isort: skip  # after mindreader.networks, which repairs torchvision's import

CPU = TorchEngine.on("cpu", "float32")


def _train(data, folder, *options):
    arguments = ["--data", str(data), "--out", str(folder), "--device", "cpu", *map(str, options)]
    result = CliRunner().invoke(train, arguments)
    assert result.exit_code == 0, result.output or result.exception
    return read_bundle(folder / "bundle")


def _sketch():
    buffer = io.BytesIO()
    image = Image.new("L", (64, 64), 255)
    ImageDraw.Draw(image).ellipse((10, 10, 50, 50), outline=0, width=3)
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_one_option_trains_on_the_features_of_another_network(drawn_data, miniature_options, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_WEIGHTS_DIR", str(tmp_path))
    model = timm.create_model("resnet10t.c3_in1k", pretrained=False)
    safetensors.torch.save_file(model.state_dict(), tmp_path / "resnet10t.c3_in1k.safetensors")
    bundle = _train(drawn_data, tmp_path / "run", *miniature_options, "--photo-encoder", "timm:resnet10t.c3_in1k")
    assert bundle.space.encoder.architecture == bundle.query_encoder.architecture == "resnet10t.c3_in1k"
    photos = np.zeros((1, *[bundle.space.encoder.input_size] * 2, 3), dtype=np.uint8)
    assert PhotoEncoder.of_bundle(bundle, CPU).embed(photos).shape == (1, 64)
    assert QueryModel(bundle, CPU).queries(np.full((1, 32, 32), 255, np.uint8), [0]).shape == (1, 64)


@pytest.mark.slow
def test_a_transformer_sees_images_of_its_own_size(drawn_data, miniature_options, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_WEIGHTS_DIR", str(tmp_path))
    name = "vit_tiny_patch16_224.augreg_in21k_ft_in1k"
    model = timm.create_model(name, pretrained=False)
    safetensors.torch.save_file(model.state_dict(), tmp_path / f"{name}.safetensors")
    bundle = _train(drawn_data, tmp_path / "run", *miniature_options, "--steps", 3, "--photo-encoder", f"timm:{name}")
    assert bundle.manifest.query_encoder.input_size == 224


def test_a_query_encoder_nobody_could_load_later_is_refused_before_training(drawn_data, tmp_path):
    settings = with_overrides(preset("tiny"), ["query_encoder=torchvision:resnet18"])
    dataset = read_dataset(drawn_data, "train")
    with pytest.raises(InvalidInputError, match="photo encoder's own kind"):
        Trainer(dataset, replace(settings, untrained_seed=0), CPU.compute, tmp_path, seed=0)


PAPER_TERMS = {"phase", "step", "seconds", "batch", "discriminator", "gan", "pixel", "feature"}


def test_the_paper_s_networks_have_their_sizes():
    settings = preset("paper")
    encoder = find_encoder(settings.photo_encoder, untrained_seed=0)
    assert settings.photo_encoder == settings.query_encoder == "vgg16"
    assert (encoder.dimension, encoder.input_size) == (4096, 224)
    assert (settings.generator.image_size, len(settings.generator.channels)) == (256, 8)
    discriminator = PatchDiscriminator(settings.discriminator_channels)
    assert discriminator.state_dict()["network.0.weight"].shape == (64, 4, 4, 4)


def test_the_paper_s_losses_are_its_three_terms(drawn_data, miniature_options, tmp_path):
    """With small networks in the place of its own."""
    own = ("--photo-encoder", "efficientnet-lite0", "--preset", "paper", "--steps", 2)
    bundle = _train(drawn_data, tmp_path / "run", *miniature_options, *own)
    (line,) = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert set(json.loads(line)) == PAPER_TERMS
    assert bundle.space.projection is None
    assert bundle.manifest.generator.condition == 0


@pytest.fixture(scope="module")
def paper(drawn_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper")
    options = ("--preset", "paper", "--steps", 2, "--untrained-encoders", "--set", "batch=2")
    _train(drawn_data, folder, *options)
    return folder


@pytest.mark.slow
def test_the_paper_s_preset_trains_at_its_own_size(paper):
    bundle = read_bundle(paper / "bundle")
    assert bundle.manifest.generator.image_size == 256
    assert bundle.space.encoder.architecture == bundle.query_encoder.architecture == "vgg16"
    assert bundle.space.dimension == 4096
    saved = torch.load(paper / "checkpoint.pt", weights_only=True, map_location="meta")
    assert saved["e1"]["network.classifier.3.weight"].shape == (4096, 4096)
    assert saved["d"]["network.0.weight"].shape == (64, 4, 4, 4)
    (line,) = (paper / "log.jsonl").read_text().splitlines()
    assert set(json.loads(line)) == PAPER_TERMS


@pytest.mark.slow
def test_the_paper_s_bundle_answers_a_search(paper, tmp_path):
    settings = Settings(data_dir=tmp_path)
    catalog = Catalog(settings.catalog_url)
    catalog.migrate()
    bundle = read_bundle(paper / "bundle")
    kept = bundle_store(settings, BlobStore(settings.blobs_root))
    version = install(catalog, kept, bundle)
    key = version.space.key
    indexes = PhotoIndexes(settings)
    vector = np.random.default_rng(0).normal(size=4096).astype(np.float32)
    indexes.get(key, 4096).upsert([IndexPoint(7, vector, 1)])
    answer = Searcher(catalog, kept, indexes, settings, CPU).answer(
        SearchRequest(sketch=Sketch.from_png(_sketch()), where=IndexFilter((1,)), limit=5, most_readings=1)
    )
    indexes.close()
    catalog.close()
    assert [hit.photo_id for hit in answer.hits] == [7]
    assert Image.open(io.BytesIO(answer.readings[0].imaginary_image)).size == (256, 256)
