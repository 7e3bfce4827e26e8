"""Encoders by their library's name. The weights are random, put where published ones would be: no hub is in reach."""

import socket

import huggingface_hub.constants
import pytest
import safetensors.torch
import torch

from mindreader.errors import InvalidInputError, NotReadyError
from mindreader.networks.descriptions import SpaceDescription
from mindreader.networks.encoders import bare_network, pretrained_encoder
from mindreader.networks.published import find_encoder
from mindreader.networks.weights import read_weights

import timm  # isort: skip  # after mindreader.networks, which repairs torchvision's import
import torchvision  # isort: skip


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_WEIGHTS_DIR", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)  # what HF_HUB_OFFLINE=1 sets at the start
    return tmp_path


def _put(folder, network):
    torch.manual_seed(0)
    model = timm.create_model(network, pretrained=False)
    safetensors.torch.save_file(model.state_dict(), folder / f"{network}.safetensors")
    return model.eval()


@pytest.mark.parametrize("network", ["resnet10t.c3_in1k", "vit_tiny_patch16_224.augreg_in21k_ft_in1k"])
def test_any_network_of_timm_can_embed(weights, network):
    model = _put(weights, network)
    description = find_encoder(f"timm:{network}")
    encoder = pretrained_encoder(description)
    size = description.input_size
    images = torch.rand(1, 3, size, size)
    with torch.inference_mode():
        ours = encoder.features(images)
        normalised = (images - torch.tensor(description.mean).view(3, 1, 1)) / torch.tensor(description.std).view(
            3, 1, 1
        )
        theirs = model.forward_head(model.forward_features(normalised), pre_logits=True)
    torch.testing.assert_close(ours.embedding, theirs, rtol=1e-4, atol=1e-4)
    assert ours.embedding.shape == (1, description.dimension)
    assert len(ours.middle) >= 2
    assert all(layer.dim() == 4 and layer.shape[2] > 1 for layer in ours.middle)


def test_a_transformer_says_that_it_takes_one_size_only(weights):
    _put(weights, "vit_tiny_patch16_224.augreg_in21k_ft_in1k")
    _put(weights, "resnet10t.c3_in1k")
    assert not find_encoder("timm:vit_tiny_patch16_224.augreg_in21k_ft_in1k").flexible
    assert find_encoder("timm:resnet10t.c3_in1k").flexible


@pytest.mark.parametrize("network", ["resnet18", pytest.param("convnext_tiny", marks=pytest.mark.slow)])
def test_any_network_of_torchvision_can_embed(weights, network):
    torch.manual_seed(0)
    model = torchvision.models.get_model(network, weights=None)
    filename = torchvision.models.get_model_weights(network).DEFAULT.url.rsplit("/", 1)[1]
    torch.save(model.state_dict(), weights / filename)
    description = find_encoder(f"torchvision:{network}")
    with torch.inference_mode():
        features = pretrained_encoder(description).features(torch.rand(1, 3, 128, 128))
    assert features.embedding.shape == (1, description.dimension)
    assert len(features.middle) == 3
    assert SpaceDescription.from_json(SpaceDescription(description).as_json()).key == SpaceDescription(description).key


def test_other_weights_are_another_space(weights):
    _put(weights, "resnet10t.c3_in1k")
    first = SpaceDescription(find_encoder("timm:resnet10t.c3_in1k")).key
    model = timm.create_model("resnet10t.c3_in1k", pretrained=False)
    safetensors.torch.save_file(model.state_dict(), weights / "resnet10t.c3_in1k.safetensors")
    assert SpaceDescription(find_encoder("timm:resnet10t.c3_in1k")).key != first


@pytest.mark.parametrize(
    "name",
    [
        "timm:resnet9000",
        "timm:resnet18.nonsense",
        "timm:vit_7b_patch16_dinov3.lvd1689m",
        "torchvision:resnet9000",
        "torchvision:fasterrcnn_resnet50_fpn",
        "torchvision:deeplabv3_resnet50",
        "torchvision:raft_large",
        "torchvision:r3d_18",
        "keras:resnet50",
        "resnet50",
    ],
)
def test_an_encoder_that_does_not_exist_is_refused(name):
    with pytest.raises(InvalidInputError):
        find_encoder(name)


def test_a_network_without_a_linear_classifier_is_refused():
    with pytest.raises(InvalidInputError, match="no linear layer"):
        bare_network("torchvision", "squeezenet1_1")


@pytest.mark.parametrize("name", ["x.pth", "x.safetensors"])
def test_a_file_that_holds_no_weights_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(NotReadyError, match="no weights file"):
        read_weights(tmp_path / name)


class _Intruder:
    def __reduce__(self):
        return pytest.fail, ("code of a weights file was run",)


def test_code_in_a_weights_file_is_not_run(tmp_path):
    torch.save({"weight": _Intruder()}, tmp_path / "x.pth")
    with pytest.raises(NotReadyError, match="no weights file"):
        read_weights(tmp_path / "x.pth")


@pytest.mark.slow
def test_every_classifier_of_torchvision_is_built_without_fetching_anything(monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("something was fetched"))
    for name in torchvision.models.list_models(module=torchvision.models):
        if name.startswith(("squeezenet", "regnet")):  # no linear classifier; needs real memory
            continue
        with torch.device("meta"):
            bare_network("torchvision", name)


def test_weights_out_of_reach_say_where_to_put_them(weights):
    with pytest.raises(NotReadyError, match=r"resnet10t\.c3_in1k\.safetensors.*TORCH_WEIGHTS_DIR"):
        find_encoder("timm:resnet10t.c3_in1k")


def test_weights_of_another_network_are_refused(weights):
    model = timm.create_model("resnet18", pretrained=False)
    safetensors.torch.save_file(model.state_dict(), weights / "resnet10t.c3_in1k.safetensors")
    with pytest.raises(NotReadyError, match="do not fit"):
        pretrained_encoder(find_encoder("timm:resnet10t.c3_in1k"))


def test_untrained_weights_are_those_of_their_seed():
    one, same, other = (pretrained_encoder(find_encoder("efficientnet-lite0", untrained_seed=s)) for s in (1, 1, 2))
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(one(image), same(image))
        assert not torch.equal(one(image), other(image))
    assert SpaceDescription(one.description).key != SpaceDescription(other.description).key
    assert one.description.name == "efficientnet-lite0-untrained"
