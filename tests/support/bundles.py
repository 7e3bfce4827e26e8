"""A small bundle with random weights: everything about it is real but the quality."""

from pathlib import Path

import torch

from mindreader.bundles import Bundle, TrainingRecord
from mindreader.networks.descriptions import encoder_description
from mindreader.networks.encoders import Encoder
from mindreader.networks.generator import Generator
from mindreader_training.export import export_bundle
from mindreader_training.presets import preset

RECORD = TrainingRecord(command="none", data="none", steps=0, hours=0, hardware="cpu", seed=0)


def write_untrained_bundle(folder: Path, seed: int = 0, name: str = "untrained") -> Bundle:
    torch.manual_seed(seed)
    tiny = preset("tiny")
    generator = Generator(tiny.generator)
    encoder = Encoder(encoder_description(tiny.query_encoder))
    return export_bundle(folder, tiny, generator, encoder, RECORD, name)
