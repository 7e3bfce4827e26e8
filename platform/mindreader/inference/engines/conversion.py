"""Make a network ready for OpenVINO: load it with torch, convert it, see that both say the same.

    python -m mindreader.inference.engines.conversion '{"kind": …}' FOLDER

As a program it prints one line of JSON.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mindreader.bundles import Bundle, read_bundle
from mindreader.errors import MindReaderError
from mindreader.host.child_programs import packed, print_alone
from mindreader.inference.engines.compiled_models import MODEL, NetworkSource, NotConvertedError
from mindreader.inference.engines.openvino_library import openvino
from mindreader.inference.loading import load_generator, load_photo_encoder, load_query_encoder
from mindreader.inference.noise import draw_noise
from mindreader.inference.weights import resized
from mindreader.networks.generator import Noise

_TRACED, _EXAMPLES = 2, 3
"""A batch to trace with, and a larger one to compare: a size the tracer took for a constant would show."""
_FARTHEST = 1e-3
"""What the converted network says from what torch says, both in float32, as a share of its length."""

_Arrays = tuple[NDArray[Any], ...]
"""One for each of a network's inputs."""


def convert(source: NetworkSource, folder: Path) -> None:
    """Write a network's model into a folder; see `Convert`."""
    network, tried = _network(source)
    expected = [_answer(network, examples) for examples in tried]
    ov = openvino()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the tracer, about numbers it takes for constants
            # Not checked by the tracer, which would take seconds: what comes of it is compared below.
            traced = torch.jit.trace(  # type: ignore[no-untyped-call]
                network, _tensors(tried[0], _TRACED), check_trace=False
            )
            model = ov.convert_model(traced, example_input=_tensors(tried[0], _TRACED))
        for port, *examples in zip(model.inputs, *tried, strict=True):
            port.get_node().set_partial_shape(ov.PartialShape(_shape(examples)))
            port.get_node().set_element_type(ov.Type(examples[0].dtype))
        model.validate_nodes_and_infer_types()
        # G's weights are float16 in its bundle, and stay as they are. Those of encoders are folded with their norms.
        ov.save_model(model, folder / MODEL, compress_to_fp16=source.kind == "generator")
        compiled = ov.compile_model(folder / MODEL, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        found = [compiled(list(examples))[0] for examples in tried]
    except Exception as error:  # hundreds of networks, each of which fails in its own way
        raise NotConvertedError((str(error).strip().splitlines() or [type(error).__name__])[0]) from error
    if not all(map(_is_same, found, expected)):
        raise NotConvertedError("what OpenVINO makes of it is not what torch does")


def _shape(examples: Sequence[NDArray[Any]]) -> list[int]:
    """Of an input: -1 for the batch, and for each side that is not the same in all examples."""
    sides = zip(*(example.shape[1:] for example in examples), strict=True)
    return [-1, *(side[0] if len(set(side)) == 1 else -1 for side in sides)]


def _is_same(found: NDArray[np.float32], expected: NDArray[np.float32]) -> bool:
    if found.shape != expected.shape:
        return False
    return bool(np.linalg.norm(found - expected) < _FARTHEST * np.linalg.norm(expected))


def _answer(network: nn.Module, examples: _Arrays) -> NDArray[np.float32]:
    with torch.inference_mode():
        answer: Tensor = network(*_tensors(examples, _EXAMPLES))
    return answer.numpy()


def _tensors(examples: _Arrays, count: int) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(each[:count].copy()) for each in examples)


def _network(source: NetworkSource) -> tuple[nn.Module, list[_Arrays]]:
    """A network from arrays to an array, and arrays of each size to try it with; it is traced with the first."""
    drawn = np.random.default_rng(0)
    if source.encoder is not None:
        size = source.encoder.input_size
        encoder = load_photo_encoder(source.encoder, source.projection)
        return _PhotoEncoder(encoder), [(_pixels(drawn, size, size, 3),)]
    assert source.bundle is not None
    bundle = read_bundle(source.bundle)
    side = bundle.generator.image_size
    if source.kind == "query_encoder":
        encoder_size = bundle.manifest.query_encoder.input_size
        # A trace keeps how its images are resized: shrunk ones antialiased, which changes nothing where others grow.
        sides = sorted({side, bundle.sketch_size}, reverse=bundle.sketch_size > encoder_size)
        images: list[_Arrays] = [(drawn.random((_EXAMPLES, 3, each, each), np.float32),) for each in sides]
        return _QueryEncoder(load_query_encoder(bundle), encoder_size), images
    return _Generator(load_generator(bundle)), [_generator_examples(bundle, _pixels(drawn, side, side))]


def _pixels(drawn: np.random.Generator, *shape: int) -> NDArray[np.uint8]:
    return drawn.integers(0, 256, (_EXAMPLES, *shape), dtype=np.uint8)


def _generator_examples(bundle: Bundle, sketches: NDArray[np.uint8]) -> _Arrays:
    noise = draw_noise(bundle.generator, range(_EXAMPLES))
    if noise.step is None:
        return (sketches, *noise.masks)
    condition = noise.step / np.linalg.norm(noise.step, axis=1, keepdims=True)
    return (sketches, *noise.masks, noise.step, condition.astype(np.float32))


class _PhotoEncoder(nn.Module):
    """From photos (B, S, S, 3), uint8, to unit vectors (B, K)."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, photos: Tensor) -> Tensor:
        embeddings: Tensor = self.encoder(photos.permute(0, 3, 1, 2).float() / 255)
        return embeddings


class _QueryEncoder(nn.Module):
    """From images (B, 3, S, S) in [0, 1] to unit vectors (B, K)."""

    def __init__(self, encoder: nn.Module, size: int) -> None:
        super().__init__()
        self.encoder, self.size = encoder, size

    def forward(self, images: Tensor) -> Tensor:
        embeddings: Tensor = self.encoder(resized(images, self.size))
        return embeddings


class _Generator(nn.Module):
    """From sketches (B, S, S), uint8, and noise to imaginary images (B, 3, S, S) in [0, 1]."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, sketches: Tensor, *noise: Tensor) -> Tensor:
        layers = len(self.generator.sizes.noisy_layers)  # type: ignore[union-attr, arg-type]
        masks, told = noise[:layers], noise[layers:]
        step, condition = told or (None, None)
        images: Tensor = self.generator(sketches.unsqueeze(1).float() / 255, Noise(step, masks), condition)
        return images


def main() -> None:
    """Convert what the arguments name."""
    source, folder = NetworkSource.model_validate_json(sys.argv[1]), Path(sys.argv[2])
    print_alone(lambda: _outcome(source, folder))


def _outcome(source: NetworkSource, folder: Path) -> dict[str, Any]:
    try:
        convert(source, folder)
    except NotConvertedError as error:
        return {"not_converted": str(error)}
    except MindReaderError as error:
        return packed(error)
    return {}


if __name__ == "__main__":
    main()
