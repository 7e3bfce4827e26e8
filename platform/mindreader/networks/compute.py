"""Where the networks run and in which arithmetic."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn

from mindreader.errors import ConfigurationError
from mindreader.host.machine import multiplies_bfloat16

_Network = TypeVar("_Network", bound=nn.Module)


@dataclass(frozen=True)
class Compute:
    """A device and the arithmetic to use on it."""

    device: torch.device
    bfloat16: bool

    def autocast(self) -> AbstractContextManager[object]:
        """Context in which convolutions and matrix products take bfloat16, where that is faster."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bfloat16 else nullcontext()

    def place(self, network: _Network) -> _Network:
        """Move a network to the device, in the memory layout convolutions are fast in."""
        return network.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def choose_compute(device: str = "auto", precision: str = "auto", threads: int = 0) -> Compute:
    """Resolve the settings `device` and `precision`.

    Args:
        threads: so many of a processor, in the whole of this process; 0 lets torch choose.

    Raises:
        ConfigurationError: the device does not exist here.
    """
    if threads:
        torch.set_num_threads(threads)
    chosen = _device(device)
    wanted = precision == "bfloat16" or (precision == "auto" and _bfloat16_is_fast(chosen))
    return Compute(chosen, wanted)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigurationError(f"MINDREADER_DEVICE={name} cannot be used: {str(error).splitlines()[0]}") from None
    return device


def _bfloat16_is_fast(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return multiplies_bfloat16()
