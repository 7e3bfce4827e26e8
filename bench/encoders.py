"""What other photo encoders cost beside the one that ships: their shapes are loaded, with random weights.

    .venv/bin/python bench/encoders.py [--json] [NAME ...]

Speed is that of torch on this machine's processors, in the arithmetic MindReader would choose there; each encoder is
timed in turn with the default one, and only the ratio means anything. Memory is the weights' in float32. Nothing is
fetched, so nothing is said of what they find.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass

import torch

from mindreader.networks.compute import Compute, choose_compute
from mindreader.networks.encoders import Encoder
from mindreader.networks.published import find_encoder

import timm  # isort: skip

DEFAULT = "efficientnet-lite2"
NAMES = (
    DEFAULT,
    "efficientnet-lite0",
    "timm:vit_small_patch14_dinov2.lvd142m",
    "timm:vit_base_patch14_dinov2.lvd142m",
    "timm:vit_small_patch16_dinov3.lvd1689m",
    "timm:vit_base_patch16_dinov3.lvd1689m",
    "timm:convnext_tiny.dinov3_lvd1689m",
    "timm:vit_base_patch16_siglip_224.v2_webli",
    "timm:vit_large_patch16_siglip_256.v2_webli",
)


@dataclass(frozen=True)
class Cost:
    """What one encoder costs."""

    name: str
    licence: str
    dimension: int
    side: int
    """Of its images, in pixels."""
    weights: int
    slower: float
    """Times the default encoder's time for a photo, median over the turns."""
    photos_per_second: float
    """On this machine, whatever else ran on it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    compute = choose_compute("cpu")
    default = _encoder(DEFAULT, compute)
    costs = [_cost(name, default, compute, asked.batch, asked.turns) for name in asked.names]
    if asked.json:
        print(json.dumps([asdict(cost) for cost in costs], indent=2))
        return
    print("| encoder | licence | dimensions | side | weights | memory | time of a photo | 100,000 photos here |")
    print("|---|---|---|---|---|---|---|---|")
    for cost in costs:
        memory, hours = cost.weights * 4 / 2**20, 100_000 / cost.photos_per_second / 3600
        print(
            f"| `{cost.name}` | {cost.licence} | {cost.dimension:,} | {cost.side} | {cost.weights / 1e6:.1f} M | "
            f"{memory:,.0f} MB | {cost.slower:.1f} | {hours:.1f} h |"
        )


def _encoder(name: str, compute: Compute) -> Encoder:
    description = find_encoder(name, untrained_seed=0)
    return compute.place(Encoder(description)).eval().requires_grad_(False)


def _cost(name: str, default: Encoder, compute: Compute, batch: int, turns: int) -> Cost:
    encoder = _encoder(name, compute)
    pairs = [(_seconds(encoder, compute, batch), _seconds(default, compute, batch)) for _ in range(turns + 1)][1:]
    network = name.partition(":")[2]
    settings = timm.get_pretrained_cfg(network) if network else None
    return Cost(
        name=name,
        licence=(settings.license if settings else "apache-2.0") or "not stated",
        dimension=encoder.description.dimension,
        side=encoder.description.input_size,
        weights=sum(weights.numel() for weights in encoder.parameters()),
        slower=statistics.median(own / its for own, its in pairs),
        photos_per_second=batch / statistics.median(own for own, _ in pairs),
    )


def _seconds(encoder: Encoder, compute: Compute, batch: int) -> float:
    side = encoder.description.input_size
    images = torch.rand(batch, 3, side, side).contiguous(memory_format=torch.channels_last)
    began = time.perf_counter()
    with torch.inference_mode(), compute.autocast():
        encoder(images)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
