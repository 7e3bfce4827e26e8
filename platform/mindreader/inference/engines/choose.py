"""Which engine runs the networks here; free of torch until torch is chosen."""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from mindreader.errors import ConfigurationError
from mindreader.host.machine import multiplies_bfloat16, processors
from mindreader.inference.engines.compiled_models import CompiledModels, Convert, convert_in_a_program
from mindreader.inference.engines.protocol import Engine
from mindreader.settings import Settings

if TYPE_CHECKING:
    from mindreader.inference.engines.torch_engine import TorchEngine

log = logging.getLogger(__name__)

_GPU_DRIVERS = ("nvcuda.dll",) if sys.platform == "win32" else ("libcuda.so.1", "libamdhip64.so")


class EngineChoice(BaseModel):
    """An engine and how it computes, said so that another process can load the same."""

    model_config = ConfigDict(frozen=True)

    name: Literal["torch", "openvino"]
    device: str
    bfloat16: bool
    threads: int
    """Of a processor."""
    compiled_models: Path
    """Folder of networks as OpenVINO runs them."""
    falls_back: bool
    """Whether torch takes the networks that OpenVINO cannot run."""

    def load(self, convert: Convert = convert_in_a_program) -> Engine:
        """The engine.

        Args:
            convert: makes a network's model for OpenVINO.
        """
        if self.name == "torch":
            return self._torch()
        from mindreader.inference.engines.openvino_engine import OpenVINOEngine

        models = CompiledModels(self.compiled_models, convert)
        return OpenVINOEngine(models, self.bfloat16, self.threads, self._torch if self.falls_back else None)

    def _torch(self) -> TorchEngine:
        from mindreader.inference.engines.torch_engine import TorchEngine

        return TorchEngine.on(self.device, "bfloat16" if self.bfloat16 else "float32", self.threads)


def choose_engine(settings: Settings) -> EngineChoice:
    """Resolve the settings `engine`, `device`, `precision` and `inference_threads`.

    Raises:
        ConfigurationError: the device or the engine does not exist here, or they do not go together.
    """
    if _takes_torch(settings):
        return _torch_choice(settings)
    wanted = settings.precision == "bfloat16" or (settings.precision == "auto" and multiplies_bfloat16())
    return EngineChoice(
        name="openvino",
        device="cpu",
        bfloat16=wanted,
        threads=settings.inference_threads or processors(),
        compiled_models=settings.compiled_models_dir.absolute(),
        falls_back=settings.engine == "auto",
    )


def _torch_choice(settings: Settings) -> EngineChoice:
    from mindreader.networks.compute import choose_compute

    compute = choose_compute(settings.device, settings.precision, settings.inference_threads)
    return EngineChoice(
        name="torch",
        device=str(compute.device),
        bfloat16=compute.bfloat16,
        threads=settings.inference_threads,
        compiled_models=settings.compiled_models_dir.absolute(),
        falls_back=False,
    )


def _takes_torch(settings: Settings) -> bool:
    if settings.engine == "torch":
        return True
    if settings.engine == "openvino":
        if settings.device not in ("auto", "cpu"):
            raise ConfigurationError(
                f"MINDREADER_ENGINE=openvino runs on processors, and MINDREADER_DEVICE is {settings.device}. Set one "
                "of them to auto."
            )
        if not _is_there():
            raise ConfigurationError(
                "MINDREADER_ENGINE=openvino, and the package openvino is not installed. `pip install openvino`, or "
                "set MINDREADER_ENGINE=auto."
            )
        return False
    return settings.device not in ("auto", "cpu") or not _is_there_or_said() or _has_gpu(settings)


def _has_gpu(settings: Settings) -> bool:
    """Torch is asked only where there is a driver: loading it takes seconds, and hundreds of megabytes."""
    if settings.device == "cpu" or not any(map(_loads, _GPU_DRIVERS)):
        return False
    return _torch_choice(settings).device != "cpu"


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _is_there() -> bool:
    return importlib.util.find_spec("openvino") is not None


@cache
def _is_there_or_said() -> bool:
    """Whether OpenVINO is installed; where it is not, that is said once."""
    if not _is_there():
        log.warning(
            "OpenVINO is not installed, so torch runs the networks, more slowly on a processor. "
            "Where there is a package for this system: pip install openvino"
        )
        return False
    return True
