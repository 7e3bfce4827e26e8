import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mindreader.errors import BundleError, ConfigurationError, InvalidInputError, NotReadyError
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.inference.noise import draw_noise
from mindreader.inference.photo_encoder import PhotoEncoder
from mindreader.networks.compute import choose_compute
from mindreader.networks.descriptions import ENCODERS, GeneratorSizes, SpaceDescription, encoder_description
from mindreader.networks.discriminator import FeatureDiscriminator, PatchDiscriminator
from mindreader.networks.encoders import Encoder, pretrained_encoder
from mindreader.networks.generator import Generator, Noise

CANONICAL = json.loads((Path(__file__).parent / "canonical_vectors.json").read_text())
SMALL = GeneratorSizes(image_size=64, base_channels=4, upsampling="resize", norm="group")
CONDITIONED = GeneratorSizes(image_size=64, base_channels=4, upsampling="resize", norm="group", condition=16)


@pytest.mark.slow
def test_torchvision_imports_in_a_fresh_process():
    code = "import mindreader.networks.torchvision_shim, torchvision, timm; print(torchvision.models.vgg16.__name__)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "vgg16\n"


@pytest.mark.parametrize("name", CANONICAL["vectors"])
def test_an_encoder_gives_the_numbers_of_the_independent_implementation(name):
    """See make_canonical_vectors.py beside this file for where the numbers come from."""
    encoder = pretrained_encoder(ENCODERS[name])
    size = encoder.description.input_size
    ramp = torch.linspace(0, 1, 3 * size * size).reshape(1, 3, size, size)
    with torch.inference_mode():
        embedding = encoder(ramp)[0]
    expected = torch.tensor(CANONICAL["vectors"][name])
    torch.testing.assert_close(embedding[: len(expected)], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "middle"), [("vgg16", [(256, 56)]), ("efficientnet-lite0", [(16, 112), (24, 56), (40, 28), (112, 14)])]
)
def test_an_encoder_shows_its_middle_layers_and_its_embedding(name, middle):
    encoder = Encoder(ENCODERS[name]).eval()
    with torch.inference_mode():
        features = encoder.features(torch.rand(1, 3, 224, 224))
    assert features.embedding.shape == (1, ENCODERS[name].dimension)
    assert [(f.shape[1], f.shape[2]) for f in features.middle] == middle


def test_embeddings_are_unit_vectors_whatever_the_batch():
    encoder = PhotoEncoder(ENCODERS["efficientnet-lite0"], TorchEngine.on("cpu", "float32"))
    photos = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    together, alone = encoder.embed(photos), encoder.embed(photos[1:2])
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(together[1], alone[0], atol=1e-5)


def test_an_encoder_whose_weights_are_loaded_draws_no_random_ones():
    before = torch.get_rng_state()
    pretrained_encoder(encoder_description("efficientnet-lite0"))
    assert torch.equal(torch.get_rng_state(), before)


def test_an_unknown_encoder_is_refused_with_the_list_of_those_there_are():
    with pytest.raises(InvalidInputError, match="efficientnet-lite0"):
        encoder_description("efficientnet-lite9")


def test_every_encoder_is_a_space_of_its_own():
    assert len({SpaceDescription(encoder).key for encoder in ENCODERS.values()}) == len(ENCODERS)


def test_a_space_without_regions_is_named_and_described_as_before_there_were_any():
    space = SpaceDescription(encoder_description("efficientnet-lite0"))
    assert space.key == "2d7d1c58fe42c33e"
    assert set(space.as_json()) == {"encoder", "projection"}
    assert SpaceDescription.from_json(space.as_json()).regions == "none"


def test_regions_make_another_space():
    plain = SpaceDescription(encoder_description("efficientnet-lite0"))
    regional = replace(plain, regions="grid6")
    assert regional.key != plain.key
    assert SpaceDescription.from_json(regional.as_json()) == regional


def test_regions_that_are_not_known_here_say_to_update():
    described = SpaceDescription(encoder_description("efficientnet-lite0")).as_json()
    with pytest.raises(BundleError, match=r"regions called 'grid99', .* Update MindReader"):
        SpaceDescription.from_json(described | {"regions": "grid99"})
    with pytest.raises(BundleError, match="malformed at regions"):
        SpaceDescription.from_json(described | {"regions": 6})


def test_missing_weights_say_where_to_put_them(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", _no_network)
    with pytest.raises(NotReadyError, match=r"TORCH_WEIGHTS_DIR"):
        pretrained_encoder(ENCODERS["vgg16"])


def _no_network(*_args, **_kwargs):
    raise OSError("no network")


def test_a_weights_file_with_another_checksum_is_not_taken(tmp_path, monkeypatch):
    (tmp_path / "vgg16-397923af.pth").write_bytes(b"something else")
    monkeypatch.setenv("TORCH_WEIGHTS_DIR", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", _no_network)
    with pytest.raises(NotReadyError):
        pretrained_encoder(ENCODERS["vgg16"])


def seeded(sizes: GeneratorSizes, *seeds: int) -> Noise:
    drawn = draw_noise(sizes, seeds)
    step = None if drawn.step is None else torch.from_numpy(drawn.step)
    return Noise(step, tuple(map(torch.from_numpy, drawn.masks)))


@pytest.mark.parametrize("upsampling", ["resize", "transposed"])
def test_an_imaginary_image_has_the_size_of_the_sketch_and_values_of_an_image(upsampling):
    generator = Generator(GeneratorSizes(64, 4, upsampling)).eval()
    with torch.inference_mode():
        images = generator(torch.rand(2, 1, 64, 64))
    assert images.shape == (2, 3, 64, 64)
    assert 0 <= images.min() <= images.max() <= 1


def test_a_seed_is_one_imaginary_image_and_another_seed_another_one():
    generator = Generator(SMALL).eval()
    sketch = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        first, again, other = (generator(sketch, seeded(SMALL, seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_seed_means_the_same_whoever_else_is_in_the_batch():
    generator = Generator(SMALL).eval()
    sketches = torch.rand(3, 1, 64, 64)
    with torch.inference_mode():
        together = generator(sketches, seeded(SMALL, 5, 6, 7))
        alone = generator(sketches[1:2], seeded(SMALL, 6))
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-5)


def test_the_paper_s_generator_is_pix2pix_s():
    sizes = GeneratorSizes(image_size=256, base_channels=64, upsampling="transposed")
    assert sizes.channels == (64, 128, 256, 512, 512, 512, 512, 512)
    # pix2pix's unet_256 has 54.4 million parameters.
    assert 54.3e6 < sum(p.numel() for p in Generator(sizes).parameters()) < 54.5e6


def test_a_condition_changes_the_image_and_is_asked_for():
    generator = Generator(CONDITIONED).eval()
    for up in generator.up:
        torch.nn.init.normal_(up.get_parameter("modulation.read.weight"), std=0.5)
    sketch, condition = torch.rand(1, 1, 64, 64), torch.nn.functional.normalize(torch.randn(2, 16), dim=1)
    with torch.inference_mode():
        one, other = (generator(sketch, seeded(CONDITIONED, 1), row[None]) for row in condition)
        again = generator(sketch, seeded(CONDITIONED, 1), condition[:1])
    assert torch.equal(one, again)
    assert (one - other).abs().mean() > 1e-3
    with pytest.raises(ValueError, match="length 16"):
        generator(sketch, seeded(CONDITIONED, 1))
    with pytest.raises(ValueError, match="length 0"):
        Generator(SMALL)(sketch, None, condition[:1])


def test_a_new_generator_does_not_yet_listen_to_its_condition():
    """Modulation starts as the identity, so that the U-Net learns first."""
    generator = Generator(CONDITIONED).eval()
    sketch, condition = torch.rand(1, 1, 64, 64), torch.nn.functional.normalize(torch.randn(2, 16), dim=1)
    with torch.inference_mode():
        one, other = (generator(sketch, seeded(CONDITIONED, 1), row[None]) for row in condition)
    torch.testing.assert_close(one, other)


def test_the_feature_discriminator_judges_every_depth_and_hears_the_subject():
    discriminator = FeatureDiscriminator([8, 12], condition=16, channels=6).eval()
    maps = [torch.rand(2, 8, 16, 16), torch.rand(2, 12, 8, 8)]
    subjects = torch.nn.functional.normalize(torch.randn(2, 2, 16), dim=2)
    one, other = (discriminator(maps, subject) for subject in subjects)
    assert [level.shape for level in one] == [(2, 1, 8, 8), (2, 1, 4, 4)]
    assert all((a - b).abs().max() > 1e-6 for a, b in zip(one, other, strict=True))


def test_one_logit_of_the_discriminator_sees_70_pixels():
    discriminator = PatchDiscriminator(4).eval()
    images = torch.rand(1, 3, 256, 256, requires_grad=True)
    logits = discriminator(torch.rand(1, 1, 256, 256), images)
    logits[0, 0, 15, 15].backward()
    assert images.grad is not None
    seen = images.grad.abs().sum(dim=(0, 1)).nonzero()
    assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [70, 70]


def test_a_device_that_is_not_there_is_refused_by_name():
    with pytest.raises(ConfigurationError, match="MINDREADER_DEVICE=nonsense"):
        choose_compute("nonsense")
