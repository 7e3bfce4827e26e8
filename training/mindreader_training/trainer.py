"""One training step: G, D and E1 updated in turn, by the phases of a preset; `run` makes a run of steps.

The batch of a step depends on (seed, step) alone and so does the noise, so a run that was killed goes
on from its checkpoint along the same curve.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from mindreader.errors import InvalidInputError
from mindreader.inference.weights import needs_projection, resized
from mindreader.networks.compute import Compute
from mindreader.networks.descriptions import ENCODERS
from mindreader.networks.encoders import Encoder
from mindreader.networks.generator import Generator
from mindreader.networks.published import find_encoder
from mindreader_training import losses
from mindreader_training.critics import Critic, FeatureCritic, PatchCritic
from mindreader_training.data.batches import Batch, Sampler
from mindreader_training.data.datasets import Dataset
from mindreader_training.distributed import ALONE, World
from mindreader_training.export import TrainedNetworks
from mindreader_training.photo_bank import looking_size, photo_side
from mindreader_training.presets import Phase, Preset
from mindreader_training.projection import random_projection

_STATISTICS_BATCHES = 40
_WARM_UP = 100
_LONGEST_GRADIENT = 5.0


class Trainer:
    """The networks in training, and how one step changes them."""

    def __init__(
        self, dataset: Dataset, preset: Preset, compute: Compute, run: Path, seed: int, world: World = ALONE
    ) -> None:
        """Build everything at step 0.

        Args:
            run: folder where the photos' embeddings are kept.
            world: the processes that train together; all begin with the same weights, each has its own batches.

        Raises:
            InvalidInputError: nothing can be trained with these data and settings.
        """
        torch.manual_seed(seed)
        self.preset, self.compute, self.seed, self.world = preset, compute, seed, world
        self.sampler = Sampler(dataset, preset, seed, world)
        self.photos = photo_side(dataset, preset, compute, run, world)
        # Again: whether the photos had to be embedded first must not change the weights drawn below.
        torch.manual_seed(seed)
        self.e1 = compute.place(self._new_query_encoder())
        self.reading_size = looking_size(self.e1.description, preset.query_encoder_size)
        condition = self.photos.space_dimension if preset.conditioned else 0
        self.g = compute.place(Generator(replace(preset.generator, condition=condition)))
        self.critic: Critic = (
            PatchCritic(preset)
            if preset.discriminator == "patch"
            else FeatureCritic(preset, self.photos, compute.device)
        )
        self.d = compute.place(self.critic.discriminator)
        self.g_optimiser = torch.optim.Adam(self.g.parameters(), preset.generator_rate, betas=(0.5, 0.99))
        self.d_optimiser = torch.optim.Adam(self.d.parameters(), preset.discriminator_rate, betas=(0.5, 0.99))
        self.e1_optimiser = torch.optim.AdamW(self.e1.parameters(), preset.encoder_rate, weight_decay=0.02)
        average = get_ema_multi_avg_fn(preset.ema_decay)  # type: ignore[no-untyped-call]
        # Never in training mode: these are the networks as they would be used now.
        self.g_average = AveragedModel(self.g, multi_avg_fn=average, use_buffers=True).eval()
        self.e1_average = AveragedModel(self.e1, multi_avg_fn=average, use_buffers=True).eval()
        self._dataset = dataset
        self.share_weights()

    def _new_query_encoder(self) -> Encoder:
        """E1 begins as E2's equal, projection included; one of another kind begins with a random projection."""
        preset = self.preset
        encoder = Encoder(find_encoder(preset.query_encoder, untrained_seed=preset.untrained_seed))
        if encoder.description.name not in (*ENCODERS, self.photos.encoder.description.name):
            raise InvalidInputError(
                f"The query encoder can be {', '.join(ENCODERS)} or the photo encoder's own kind, not "
                f"{preset.query_encoder}."
            )
        encoder.load_published_weights()
        own, projection = encoder.description.dimension, self.photos.encoder.projection
        if isinstance(projection, nn.Linear) and projection.in_features == own:
            encoder.add_projection(projection.weight, projection.bias)
        elif needs_projection(encoder.description, self.photos.space_dimension, isinstance(projection, nn.Linear)):
            encoder.add_projection(*random_projection(own, self.photos.space_dimension))
        return encoder

    @property
    def identity(self) -> dict[str, object]:
        """What makes this run another than others: a checkpoint goes on only where all of it is the same."""
        data = self._dataset
        items = [f"{i.path} {i.category} {i.source} {i.line}" for i in (*data.photos, *data.sketches)]
        digest = hashlib.sha256("\n".join(items).encode() + data.pairs.tobytes()).hexdigest()
        return {"settings": repr(self.preset), "seed": self.seed, "processes": self.world.size, "data": digest}

    def share_weights(self) -> None:
        """Give every process the first one's networks."""
        for part in self.parts().values():
            if isinstance(part, nn.Module):
                self.world.share(part)

    def averaged(self, step: int) -> tuple[Generator, Encoder]:
        """G and E1 with weights averaged over the steps before `step`, as they would be used; the run's own stay."""
        generator, query_encoder = self.g_average.module, self._settled(step - 1).module
        assert isinstance(generator, Generator) and isinstance(query_encoder, Encoder)
        return generator, query_encoder

    def result(self, step: int) -> TrainedNetworks:
        """What the run has made by `step`, for `export`."""
        generator, query_encoder = self.averaged(step)
        return TrainedNetworks(
            generator, query_encoder, self.reading_size, self.preset.sketch_weight, self.photos.encoder
        )

    def step(self, number: int, batch: Batch) -> dict[str, float]:
        """Step `number`: one update of every network the phase trains; returns the value of each loss term."""
        torch.manual_seed(hash((self.seed, number, self.world.rank)))
        phase, step = self.preset.phase_at(number)
        if step == 0 and number > 0 and phase.condition == "sketches":
            self.e1_average.load_state_dict(self._settled(number - 1).state_dict())
            self.world.share(self.e1_average)
        self._set_rates(phase, step)
        batch = batch.to(self.compute.device)
        terms: dict[str, Tensor] = {}
        report: dict[str, Tensor] = {}
        with self.compute.autocast():
            condition = self._condition(batch, phase)
            imaginary = self._imaginary(batch, phase, condition)
            if phase.trains_generator:
                assert imaginary is not None
                judgement = self.critic.judge(batch, imaginary, condition)
                report["discriminator"] = judgement.discriminator_loss()
        if phase.trains_generator:
            self._descend(report["discriminator"], self.d_optimiser)
        with self.compute.autocast():
            if phase.trains_generator:
                terms |= judgement.generator_terms()
            if phase.reads:
                terms |= self._retrieval_terms(batch, phase, imaginary)
            weights = asdict(self.preset.weights)
            loss = torch.stack([weights[name] * value.float() for name, value in terms.items()]).sum()
        trained = ([self.g_optimiser] if phase.trains_generator else []) + ([self.e1_optimiser] if phase.reads else [])
        self._descend(loss, *trained)
        if phase.trains_generator:
            self.g_average.update_parameters(self.g)
        if phase.reads:
            self.e1_average.update_parameters(self.e1)
        return {name: float(value.detach()) for name, value in (report | terms).items()}

    def _condition(self, batch: Batch, phase: Phase) -> Tensor | None:
        """What a conditioned G is told: see `Phase.condition`."""
        if not self.preset.conditioned or not (phase.trains_generator or "imaginary" in phase.reads):
            return None
        if phase.condition == "sketches":
            with torch.no_grad():
                condition: Tensor = self.e1_average(self._as_images(batch.sketches))
            return condition
        # E1 knows the subject better than the very photo: anything between the photo and its category.
        share = torch.rand(len(batch.category), 1, device=self.compute.device)
        photo, category = self.photos.bank[batch.photo_index], self.photos.centroids[batch.category]
        return F.normalize(photo * share + category * (1 - share), dim=1)

    def _imaginary(self, batch: Batch, phase: Phase, condition: Tensor | None) -> Tensor | None:
        if phase.trains_generator:
            imaginary: Tensor = self.g(batch.sketches, None, condition)
            return imaginary.float()
        if "imaginary" in phase.reads:
            with torch.no_grad():
                imaginary = self.g_average(batch.sketches, None, condition)
            return imaginary.float()
        return None

    def _as_images(self, sketches: Tensor) -> Tensor:
        return resized(sketches.expand(-1, 3, -1, -1), self.reading_size)

    def _what_e1_reads(self, batch: Batch, phase: Phase, imaginary: Tensor | None) -> Tensor:
        """Images (R·B, 3, S1, S1), where R is how many ways of reading the phase has."""
        share = self.preset.retrieval_to_generator
        images = []
        for kind in phase.reads:
            if kind == "sketches":
                images.append(self._as_images(batch.sketches))
            else:
                assert imaginary is not None
                heard = imaginary * share + imaginary.detach() * (1 - share)
                images.append(resized(heard, self.reading_size))
        return torch.cat(images)

    def _retrieval_terms(self, batch: Batch, phase: Phase, imaginary: Tensor | None) -> dict[str, Tensor]:
        """What makes E1 find photos."""
        ways, weights, temperature = len(phase.reads), self.preset.weights, self.preset.temperature
        read = self.e1.features(self._what_e1_reads(batch, phase, imaginary))
        unit = self.e1.project(read.embedding)
        category, index = batch.category.repeat(ways), batch.photo_index.repeat(ways)
        terms: dict[str, Tensor] = {}
        if weights.feature:
            with torch.no_grad():
                wanted = self.photos.encoder.features(
                    resized(batch.photos, looking_size(self.photos.encoder.description, self.reading_size))
                )
            terms["feature"] = losses.feature(
                [*read.middle, read.embedding],
                [layer.repeat(ways, *[1] * (layer.dim() - 1)) for layer in (*wanted.middle, wanted.embedding)],
            )
        if weights.category:
            terms["category"] = losses.category(unit, self.photos.centroids, category, temperature)
        own = batch.is_pair.repeat(ways)
        if weights.instance and own.any():
            terms["instance"] = losses.instance(
                unit[own], self.photos.bank, index[own], self.photos.labels, category[own], temperature
            )
        return terms

    def _settled(self, step: int) -> AveragedModel:
        """The averaged E1 with batch statistics taken anew: those gathered in training belong to other weights."""
        settled = copy.deepcopy(self.e1_average)
        phase = next((p for p in reversed(self.preset.phases[: self._phase_number(step) + 1]) if p.reads), None)
        if phase is not None:
            with torch.no_grad(), self.compute.autocast():
                update_bn(self._statistics_batches(phase, step), settled)
        return settled

    def _phase_number(self, step: int) -> int:
        return self.preset.phases.index(self.preset.phase_at(step)[0])

    def _statistics_batches(self, phase: Phase, step: int) -> Iterator[Tensor]:
        first = sum(p.steps for p in self.preset.phases[: self.preset.phases.index(phase)])
        random_state = torch.get_rng_state()
        torch.manual_seed(hash((self.seed, step)))
        for batch in self.sampler.batches(first, min(first + _STATISTICS_BATCHES, step + 1)):
            batch = batch.to(self.compute.device)
            imaginary = self._imaginary(batch, phase, self._condition(batch, phase))
            yield self._what_e1_reads(batch, phase, imaginary)
        torch.set_rng_state(random_state)

    def _set_rates(self, phase: Phase, step: int) -> None:
        warm = min(1.0, (step + 1) / _WARM_UP)
        fall = min(1.0, 2 * (1 - step / max(1, phase.steps)))
        factor = phase.rate * max(0.0, min(warm, fall))
        rates = self.preset.generator_rate, self.preset.discriminator_rate, self.preset.encoder_rate
        optimisers = self.g_optimiser, self.d_optimiser, self.e1_optimiser
        for optimiser, rate in zip(optimisers, rates, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * factor

    def _descend(self, loss: Tensor, *optimisers: torch.optim.Optimizer) -> None:
        """One step down the gradient of `loss` for the networks of these optimisers."""
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                self.world.average_gradients(group["params"])
                nn.utils.clip_grad_norm_(group["params"], _LONGEST_GRADIENT)
            optimiser.step()

    def examples(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Sketches (N, 1, S, S), what the averaged G makes of them as in use, and photos: always the same ones."""
        batch = self.sampler.batch(0).to(self.compute.device)
        sketches, photos = batch.sketches[-count:], batch.photos[-count:]
        with torch.no_grad(), self.compute.autocast():
            told = self.e1_average(self._as_images(sketches)) if self.preset.conditioned else None
            imaginary = self.g_average(sketches, None, told)
        return sketches, imaginary.float(), photos

    def parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Everything a checkpoint holds."""
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
