"""Several processes that train one model, started by ``torchrun --no-python mindreader train ...``.

Each draws its own part of every batch; gradients are averaged before each update, so all hold the same weights.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed
from torch import Tensor, nn


@dataclass(frozen=True)
class World:
    """This process among those that train together (torch.distributed's world)."""

    rank: int = 0
    size: int = 1

    @property
    def is_main_process(self) -> bool:
        """Whether this process, of rank 0, writes the run's files."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace each gradient by its mean over all processes (one all-reduce of all of them)."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        torch.distributed.all_reduce(flat)
        flat /= self.size
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()

    def broadcast_module(self, module: nn.Module) -> None:
        """Give every process the main one's parameters and buffers."""
        if self.size > 1:
            for tensor in module.state_dict().values():
                torch.distributed.broadcast(tensor, src=0)

    def broadcast(self, number: float, device: torch.device) -> float:
        """The main process's number, in every process."""
        if self.size == 1:
            return number
        shared = torch.tensor([number], dtype=torch.float32, device=device)
        torch.distributed.broadcast(shared, src=0)
        return float(shared)

    def barrier(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            torch.distributed.barrier()


SINGLE_PROCESS = World()


@contextmanager
def joined_world(device: str) -> Iterator[World]:
    """Train with the processes that torchrun started, and leave them in the end; without torchrun, be the only one.

    A process that ends without leaving may be aborted by the threads of its own process group.

    Args:
        device: as asked for: auto, cpu or cuda. With several processes each takes the GPU of its own number.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield SINGLE_PROCESS
        return
    on_gpus = device != "cpu" and torch.cuda.is_available()
    torch.distributed.init_process_group("nccl" if on_gpus else "gloo")
    try:
        if on_gpus:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        yield World(torch.distributed.get_rank(), size)
        torch.distributed.barrier()  # none leaves while another still waits for its numbers
    finally:
        torch.distributed.destroy_process_group()
