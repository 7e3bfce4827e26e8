"""The alternating trainer: in every step D, then G and E1, each by its own optimiser.

The batch of a step depends on (seed, step) alone and so does the noise, so a run that was killed goes
on from its checkpoint along the same curve.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from mindreader.networks.compute import Compute
from mindreader.networks.descriptions import encoder_description
from mindreader.networks.discriminator import Discriminator
from mindreader.networks.encoders import Encoder, pretrained_encoder
from mindreader.networks.generator import Generator
from mindreader.networks.query_model import PhotoEncoder, resized
from mindreader_training import losses
from mindreader_training.batches import Batch, Sampler
from mindreader_training.datasets import Dataset, load_photos
from mindreader_training.presets import Preset

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"
_E2_BATCH = 64
_STATISTICS_BATCHES = 40


@dataclass
class Progress:
    """What a run knows of itself."""

    step: int = 0
    seconds: float = 0.0


class Trainer:
    """One training run in one folder."""

    def __init__(self, dataset: Dataset, preset: Preset, compute: Compute, run: Path, seed: int) -> None:
        torch.manual_seed(seed)
        self.preset, self.compute, self.run, self.seed = preset, compute, run, seed
        self.progress = Progress()
        self.sampler = Sampler(dataset, preset, seed)
        photo_encoder = encoder_description(preset.photo_encoder)
        self.bank, self.bank_labels, self.centroids = self._photo_side(dataset, compute)
        self.e2 = compute.place(pretrained_encoder(photo_encoder))
        self.g = compute.place(Generator(preset.generator))
        self.d = compute.place(Discriminator(preset.discriminator_channels))
        self.e1 = compute.place(Encoder(encoder_description(preset.query_encoder)))
        self.e1.load_published_weights()
        self.g_optimiser = torch.optim.Adam(self.g.parameters(), preset.generator_rate, betas=(0.5, 0.99))
        self.d_optimiser = torch.optim.Adam(self.d.parameters(), preset.discriminator_rate, betas=(0.5, 0.99))
        self.e1_optimiser = torch.optim.AdamW(self.e1.parameters(), preset.encoder_rate, weight_decay=0.02)
        average = get_ema_multi_avg_fn(preset.ema_decay)  # type: ignore[no-untyped-call]
        self.g_average = AveragedModel(self.g, multi_avg_fn=average, use_buffers=True)
        self.e1_average = AveragedModel(self.e1, multi_avg_fn=average, use_buffers=True)

    def _photo_side(self, dataset: Dataset, compute: Compute) -> tuple[Tensor, Tensor, Tensor]:
        """E2 of all training photos (N, D), their labels (N,), and unit centroids (C, D)."""
        description = encoder_description(self.preset.photo_encoder)
        encoder = PhotoEncoder(description, compute)
        chunks = [dataset.photos[i : i + _E2_BATCH] for i in range(0, len(dataset.photos), _E2_BATCH)]
        embedded = [torch.from_numpy(encoder.embed(load_photos(c, description.input_size))) for c in chunks]
        bank = torch.cat(embedded).to(compute.device)
        labels = torch.from_numpy(dataset.labels(dataset.photos)).to(compute.device)
        sums = torch.zeros(len(dataset.categories), bank.shape[1], device=compute.device)
        return bank, labels, F.normalize(sums.index_add_(0, labels, bank), dim=1)

    def train(self) -> None:
        """Train to the preset's last step, logging every 10 and keeping a checkpoint every 100."""
        for batch in self.sampler.batches(self.progress.step, self.preset.steps):
            started = time.monotonic()
            terms = self.step(batch)
            self.progress.step += 1
            self.progress.seconds += time.monotonic() - started
            if self.progress.step % 10 == 0 or self.progress.step == self.preset.steps:
                self._log(terms)
            if self.progress.step % 100 == 0 or self.progress.step == self.preset.steps:
                self.save()

    def averaged(self) -> tuple[nn.Module, nn.Module]:
        """G and E1 with weights averaged over the last steps, ready for use.

        E1's batch statistics are taken anew: those gathered in training belong to other weights.
        """
        first = self.progress.step
        with torch.no_grad():
            imagined = (self._imagined_for_e1(b) for b in self.sampler.batches(first, first + _STATISTICS_BATCHES))
            update_bn(imagined, self.e1_average)
        return self.g_average.module, self.e1_average.module

    def _imagined_for_e1(self, batch: Batch) -> Tensor:
        with self.compute.autocast():
            imaginary = self.g_average(_moved(batch, self.compute.device).sketches)
        return resized(imaginary.float(), self.preset.query_encoder_size)

    def step(self, batch: Batch) -> dict[str, float]:
        """One update of D, G and (once it has joined) E1; returns the value of each loss term."""
        torch.manual_seed(hash((self.seed, self.progress.step)))
        self._set_rates()
        batch = _moved(batch, self.compute.device)
        with self.compute.autocast():
            imaginary = self.g(batch.sketches)
            d_loss = self._discriminator_loss(batch, imaginary.detach())
        _update(self.d_optimiser, d_loss)
        joint = self.progress.step >= self.preset.imagine_steps
        with self.compute.autocast():
            terms = self._imagination_terms(batch, imaginary)
            if joint:
                terms |= self._retrieval_terms(batch, imaginary)
            loss = sum(getattr(self.preset.weights, name) * value for name, value in terms.items())
        optimisers = [self.g_optimiser, self.e1_optimiser] if joint else [self.g_optimiser]
        _update_all(optimisers, loss, clip=[*self.g.parameters()])
        self.g_average.update_parameters(self.g)
        if joint:
            self.e1_average.update_parameters(self.e1)
        return {name: float(value.detach()) for name, value in {"discriminator": d_loss, **terms}.items()}

    def _discriminator_loss(self, batch: Batch, imaginary: Tensor) -> Tensor:
        """D learns from aligned pairs alone: given human sketches too, it would tell them by their strokes."""
        n = batch.aligned
        self.d.requires_grad_(True)
        real = losses.adversarial(self.d(batch.sketches[:n], batch.photos[:n]), real=True)
        return 0.5 * (real + losses.adversarial(self.d(batch.sketches[:n], imaginary[:n]), real=False))

    def _imagination_terms(self, batch: Batch, imaginary: Tensor) -> dict[str, Tensor]:
        """What makes G paint photos: looks (D), pixels and E2's features of the aligned ones, subject of all."""
        n = batch.aligned
        self.d.requires_grad_(False)
        with torch.no_grad():
            wanted = self.e2.features(batch.photos[:n])
        seen = self.e2.features(imaginary)
        return {
            "gan": losses.adversarial(self.d(batch.sketches, imaginary), real=True),
            "pixel": losses.pixel(imaginary[:n], batch.photos[:n]),
            "perceptual": losses.perceptual([f[:n] for f in seen.middle], wanted.middle),
            "semantic": losses.semantic(seen.embedding, self._subjects(batch)),
        }

    def _subjects(self, batch: Batch) -> Tensor:
        """What E2 should read in each imaginary image: between its photo and its category."""
        return self.bank[batch.photo_index] + self.centroids[batch.category]

    def _retrieval_terms(self, batch: Batch, imaginary: Tensor) -> dict[str, Tensor]:
        """What makes E1 find photos; G hears of it only as much as `retrieval_to_generator` says."""
        share = self.preset.retrieval_to_generator
        heard = imaginary * share + imaginary.detach() * (1 - share)
        n, size = batch.aligned, self.preset.query_encoder_size
        read = self.e1.features(resized(heard, size))
        with torch.no_grad():
            wanted = self.e2.features(resized(batch.photos[:n], size))
        unit = F.normalize(read.embedding.float(), dim=1)
        own = batch.is_pair
        temperature = self.preset.temperature
        return {
            "feature": losses.feature(
                [*(f[:n] for f in read.middle), read.embedding[:n]], [*wanted.middle, wanted.embedding]
            ),
            "category": losses.category(unit, self.centroids, batch.category, temperature),
            "instance": losses.instance(
                unit[own], self.bank, batch.photo_index[own], self.bank_labels, batch.category[own], temperature
            ),
        }

    def _set_rates(self) -> None:
        """Constant rates; over the last half of each network's time they fall to zero linearly."""
        step, steps, start = self.progress.step, self.preset.steps, self.preset.imagine_steps
        overall = min(1.0, 2 * (1 - step / steps))
        warm = min(1.0, (step - start + 1) / 100)
        joint = min(1.0, 2 * (1 - (step - start) / max(1, steps - start)))
        self._set_rate(self.g_optimiser, self.preset.generator_rate * overall)
        self._set_rate(self.d_optimiser, self.preset.discriminator_rate * overall)
        self._set_rate(self.e1_optimiser, self.preset.encoder_rate * max(0.0, min(warm, joint)))

    @staticmethod
    def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
        for group in optimiser.param_groups:
            group["lr"] = rate

    def _log(self, terms: dict[str, float]) -> None:
        rate = self.progress.step * self.preset.batch / max(self.progress.seconds, 1e-9)
        entry = asdict(self.progress) | {"images_per_second": rate} | terms
        with (self.run / LOG).open("a") as file:
            file.write(json.dumps({k: round(v, 5) for k, v in entry.items()}) + "\n")

    def _state(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        return {
            "g": self.g,
            "d": self.d,
            "e1": self.e1,
            "g_average": self.g_average,
            "e1_average": self.e1_average,
            "g_optimiser": self.g_optimiser,
            "d_optimiser": self.d_optimiser,
            "e1_optimiser": self.e1_optimiser,
        }

    def save(self) -> None:
        """Write the checkpoint; a kill in the middle leaves the one before it."""
        state = {name: part.state_dict() for name, part in self._state().items()}
        fresh = self.run / f"{CHECKPOINT}.new"
        torch.save({"progress": asdict(self.progress), "preset": repr(self.preset), **state}, fresh)
        fresh.replace(self.run / CHECKPOINT)

    def resume(self) -> None:
        """Go on from the run's checkpoint; a run without one starts at the beginning."""
        path = self.run / CHECKPOINT
        if not path.exists():
            return
        saved = torch.load(path, map_location=self.compute.device, weights_only=True)
        for name, part in self._state().items():
            part.load_state_dict(saved[name])
        self.progress = Progress(**saved["progress"])


def _moved(batch: Batch, device: torch.device) -> Batch:
    def image(x: Tensor) -> Tensor:
        return x.to(device, memory_format=torch.channels_last)

    return Batch(
        image(batch.sketches),
        image(batch.photos),
        batch.photo_index.to(device),
        batch.category.to(device),
        batch.is_pair.to(device),
        batch.aligned,
    )


def _update(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    _update_all([optimiser], loss, clip=[])


def _update_all(optimisers: Sequence[torch.optim.Optimizer], loss: Tensor, clip: list[Tensor]) -> None:
    for optimiser in optimisers:
        optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if clip:
        nn.utils.clip_grad_norm_(clip, 5.0)
    for optimiser in optimisers:
        optimiser.step()
