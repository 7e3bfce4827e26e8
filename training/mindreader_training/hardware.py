"""What a run was made on, for the model card."""

from __future__ import annotations

import os
import platform

import torch

from mindreader_training.trainer import Trainer


def hardware(trainer: Trainer) -> str:
    """Processors or GPUs, and the arithmetic, in words."""
    arithmetic = "bfloat16" if trainer.compute.bfloat16 else "float32"
    if trainer.compute.device.type == "cuda":
        return f"{trainer.world.size} × {torch.cuda.get_device_name(trainer.compute.device)}, {arithmetic}"
    return f"{os.cpu_count()} CPU cores ({platform.machine()}), {arithmetic}"
