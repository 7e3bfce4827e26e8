"""How good a training run is so far, on the development split."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import nn

from mindreader.inference.engines.torch_engine import TorchGenerator, TorchImageReader
from mindreader.inference.query_model import QueryNetworks
from mindreader.networks.descriptions import GeneratorSizes
from mindreader_training.data.datasets import Dataset, load_sketches
from mindreader_training.evaluation.metrics import retrieval_scores
from mindreader_training.trainer import Trainer

_BATCH = 64


def development_measure(trainer: Trainer, dataset: Dataset) -> Callable[[nn.Module, nn.Module], float]:
    """Mean average precision, in [0, 1], of (G, E1) on a data set that is not trained on.

    Its photos are embedded once. While G has not been trained yet, the sketches go to E1 as they are.
    """
    compute, preset = trainer.compute, trainer.preset
    gallery = trainer.photo_bank.embed(dataset.photos, compute)
    labels, gallery_labels = dataset.labels(dataset.sketches), dataset.labels(dataset.photos)
    sketches = load_sketches(dataset.sketches, preset.sketch_size)

    def measure(generator: nn.Module, query_encoder: nn.Module) -> float:
        read = TorchImageReader(query_encoder, trainer.query_input_size, compute)
        sizes = generator.sizes
        assert isinstance(sizes, GeneratorSizes)
        imagine = TorchGenerator(generator, compute)
        model = QueryNetworks(sizes, imagine, read, preset.sketch_weight, preset.sketch_size)
        generator_trained = int(trainer.g_average.n_averaged) > 0
        queries = [
            model.queries(batch, [0] * len(batch)) if generator_trained else model.embed_sketches(batch)
            for batch in (sketches[i : i + _BATCH] for i in range(0, len(sketches), _BATCH))
        ]
        scores = retrieval_scores(np.concatenate(queries), labels, gallery, gallery_labels)
        return float(scores.values["map"].mean())

    return measure
