"""The engine OpenVINO: the networks on processors, without torch once their models are made."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mindreader.bundles import Bundle
from mindreader.errors import NotReadyError
from mindreader.inference.engines.compiled_models import (
    MODEL,
    WEIGHTS,
    CompiledModels,
    NetworkSource,
    NotConvertedError,
    bundle_source,
    photo_encoder_source,
)
from mindreader.inference.engines.openvino_library import openvino
from mindreader.inference.engines.protocol import EmbedsPhotos, Engine, Imagines, ReadsImages
from mindreader.inference.noise import NoiseArrays
from mindreader.networks.descriptions import EncoderDescription
from mindreader.region_schemes import Precision

log = logging.getLogger(__name__)

_T = TypeVar("_T")

_AT_ONCE = 4
"""Photos in a request; of more, what a layer makes no longer stays in the processor's caches."""


class OpenVINOEngine:
    """Networks as OpenVINO's models; see `Engine`."""

    name = "openvino"
    device = "cpu"

    def __init__(
        self, models: CompiledModels, bfloat16: bool, threads: int, fallback: Callable[[], Engine] | None
    ) -> None:
        """Use this machine's processors.

        Args:
            bfloat16: convolutions and matrix products in bfloat16; else all in float32.
            threads: of the processors.
            fallback: gives the engine for networks OpenVINO cannot run; without it they cannot be used.
        """
        self.arithmetic = "bfloat16" if bfloat16 else "float32"
        self._models, self._threads, self._fallback = models, threads, fallback
        self._precision = "bf16" if bfloat16 else "f32"
        self._core = openvino().Core()

    def make_ready(self, encoder: EncoderDescription, projection: Path | None, precision: Precision = "float") -> None:
        """Make E2's model; see `Engine.make_ready`."""
        self._load(photo_encoder_source(encoder, projection, precision), lambda _: None, lambda _: None)

    def photo_encoder(
        self, encoder: EncoderDescription, projection: Path | None, precision: Precision = "float"
    ) -> EmbedsPhotos:
        """Load E2, for as many photos in a second as possible; see `Engine.photo_encoder`."""

        def load(folder: Path) -> EmbedsPhotos:
            compiled = self._compiled(folder, "THROUGHPUT", streams=self._threads)
            return OpenVINOPhotoEncoder(compiled, self._threads, _weight_bytes(folder))

        return self._load(
            photo_encoder_source(encoder, projection, precision),
            load,
            lambda engine: engine.photo_encoder(encoder, projection, precision),
        )

    def generator(self, bundle: Bundle) -> Imagines:
        """Load a bundle's G, for an answer as soon as possible; see `Engine.generator`."""
        return self._load(
            bundle_source("generator", bundle),
            lambda folder: OpenVINOGenerator(self._compiled(folder, "LATENCY", streams=1)),
            lambda engine: engine.generator(bundle),
        )

    def query_encoder(self, bundle: Bundle) -> ReadsImages:
        """Load a bundle's E1, for an answer as soon as possible; see `Engine.query_encoder`."""
        return self._load(
            bundle_source("query_encoder", bundle),
            lambda folder: OpenVINOImageReader(self._compiled(folder, "LATENCY", streams=1)),
            lambda engine: engine.query_encoder(bundle),
        )

    def _load(self, source: NetworkSource, load: Callable[[Path], _T], instead: Callable[[Engine], _T]) -> _T:
        try:
            return load(self._models.folder_of(source))
        except NotConvertedError as error:
            if self._fallback is None:
                raise NotReadyError(
                    "OpenVINO cannot run this model, and MINDREADER_ENGINE asks for nothing else. Set it to auto."
                ).with_inside(f"{source.key}: {error}") from error
            log.warning("OpenVINO cannot run %s, so torch does: %s", source.key, error)
            return instead(self._fallback())

    def _compiled(self, folder: Path, hint: str, streams: int) -> Any:
        options = {
            "PERFORMANCE_HINT": hint,
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": self._threads,
            "INFERENCE_PRECISION_HINT": self._precision,
            # Decoders and the database are at work on the same processors.
            "ENABLE_CPU_PINNING": False,
        }
        try:
            return self._core.compile_model(self._core.read_model(folder / MODEL), "CPU", options)
        except RuntimeError as error:  # a processor it does not know, or too little memory
            raise NotConvertedError((str(error).strip().splitlines() or ["it gives no reason"])[0]) from error


def _weight_bytes(folder: Path) -> int:
    return (folder / WEIGHTS).stat().st_size


class _Requests:
    """A compiled network that several threads ask at the same time."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._idle: deque[Any] = deque()

    def __call__(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        answer: NDArray[np.float32] = request.infer(list(inputs), share_inputs=True)[0]
        self._idle.append(request)
        return answer


class OpenVINOImageReader:
    """E1."""

    def __init__(self, compiled: Any) -> None:
        self._ask = _Requests(compiled)
        self.rest: Callable[[], None] = compiled.release_memory

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Unit vectors (B, K) of images (B, 3, S, S) in [0, 1]; see `ReadsImages`."""
        return self._ask(images)


class OpenVINOGenerator:
    """G."""

    def __init__(self, compiled: Any) -> None:
        self._ask = _Requests(compiled)
        self.rest: Callable[[], None] = compiled.release_memory

    def __call__(
        self, sketches: NDArray[np.uint8], noise: NoiseArrays, condition: NDArray[np.float32] | None
    ) -> NDArray[np.float32]:
        """Imagine; see `Imagines`."""
        told = [each for each in (noise.step, condition) if each is not None]
        return self._ask(np.ascontiguousarray(sketches), *noise.masks, *told)


class OpenVINOPhotoEncoder:
    """E2: several requests at work, each by one thread, so that no thread waits for another."""

    def __init__(self, compiled: Any, requests: int, weight_bytes: int) -> None:
        """Use a compiled network.

        Args:
            requests: so many at work at the same time.
        """
        self.weight_bytes = weight_bytes
        self._requests = requests
        self._queue = openvino().AsyncInferQueue(compiled, requests)
        self._queue.set_callback(_keep)
        self.rest: Callable[[], None] = compiled.release_memory
        self._asking = Lock()

    def tune(self) -> int:
        """Photos that keep every request at work; see `EmbedsPhotos.tune`."""
        return _AT_ONCE * self._requests

    def embed(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed photos; see `EmbedsPhotos.embed`."""
        fitting = np.ascontiguousarray(photos)
        parts: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(range(0, len(photos), _AT_ONCE))
        with self._asking:
            for place, start in enumerate(range(0, len(photos), _AT_ONCE)):
                part = fitting[start : start + _AT_ONCE]
                self._queue.start_async([part], (parts, place), share_inputs=True)
            self._queue.wait_all()
        return np.concatenate(parts)


def _keep(request: Any, where: tuple[list[NDArray[np.float32]], int]) -> None:
    parts, place = where
    parts[place] = request.get_output_tensor().data.copy()
