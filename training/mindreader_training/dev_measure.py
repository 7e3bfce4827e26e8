"""How good a training run is so far, on the development split."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mindreader.inference.weights import resized
from mindreader_training.data.datasets import Dataset, load_photos, load_sketches
from mindreader_training.evaluation.metrics import retrieval_scores
from mindreader_training.trainer import Trainer

_BATCH = 64


def development_measure(trainer: Trainer, dataset: Dataset) -> Callable[[nn.Module, nn.Module], float]:
    """Mean average precision of (G, E1) on a data set that is not trained on; its photos are embedded once.

    While G has not learned anything yet, the sketches go to E1 as they are.
    """
    compute, preset = trainer.compute, trainer.preset
    size = trainer.photos.encoder.description.input_size
    gallery = _embedded(trainer, trainer.photos.encoder, load_photos(dataset.photos, size))
    labels, gallery_labels = dataset.labels(dataset.sketches), dataset.labels(dataset.photos)
    sketches = torch.from_numpy(load_sketches(dataset.sketches, preset.generator.image_size)).unsqueeze(1)

    def measure(generator: nn.Module, query_encoder: nn.Module) -> float:
        imagines = int(trainer.g_average.n_averaged) > 0
        queries = []
        with torch.inference_mode(), compute.autocast():
            for start in range(0, len(sketches), _BATCH):
                drawn = sketches[start : start + _BATCH].to(compute.device).float() / 255
                read = query_encoder(resized(drawn.expand(-1, 3, -1, -1), trainer.reading_size))
                if imagines:
                    imaginary = generator(drawn, None, read if preset.conditioned else None)
                    read = query_encoder(resized(imaginary.float(), trainer.reading_size)) + preset.sketch_weight * read
                queries.append(F.normalize(read.float(), dim=1).cpu())
        scores = retrieval_scores(torch.cat(queries).numpy(), labels, gallery, gallery_labels)
        return float(scores.values["map"].mean())

    return measure


def _embedded(trainer: Trainer, encoder: nn.Module, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
    vectors: list[Tensor] = []
    with torch.inference_mode(), trainer.compute.autocast():
        for start in range(0, len(photos), _BATCH):
            images = torch.from_numpy(photos[start : start + _BATCH]).to(trainer.compute.device)
            vectors.append(encoder(images.permute(0, 3, 1, 2).float() / 255).float().cpu())
    return torch.cat(vectors).numpy()
