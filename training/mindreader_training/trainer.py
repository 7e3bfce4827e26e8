"""One training step: D, G and E1 updated in turn, by the phases of a preset; `run` makes a run of steps.

The batch of a step depends on (seed, step, rank) alone and so does the noise, so a run that was killed goes
on from its checkpoint along the same curve.
"""

from __future__ import annotations

import copy
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from mindreader.inference.weights import resized
from mindreader.networks.compute import Compute
from mindreader.networks.encoders import Encoder
from mindreader.networks.generator import Generator
from mindreader_training import losses
from mindreader_training.adversarial import AdversarialLoss, BatchLosses, adversarial_loss
from mindreader_training.data.batches import Batch, Rows, Sampler
from mindreader_training.data.datasets import Dataset
from mindreader_training.depthwise import keep_gradients_fast
from mindreader_training.distributed import SINGLE_PROCESS, World
from mindreader_training.export import TrainedNetworks
from mindreader_training.photo_bank import build_photo_bank, input_size, photo_bank_of
from mindreader_training.presets import Phase, Preset
from mindreader_training.query_encoder import freeze_first_stages, new_query_encoder, retrieval_terms
from mindreader_training.seeding import Stream, torch_seed
from mindreader_training.start import Start, check_start

_Weights = tuple[Tensor, ...] | list[Tensor]

_BATCH_NORM_BATCHES = 40
_WARM_UP_STEPS = 100
_MAX_GRADIENT_NORM = 5.0


class Trainer:
    """The networks in training, and how one step changes them."""

    def __init__(
        self,
        dataset: Dataset,
        preset: Preset,
        compute: Compute,
        run: Path,
        seed: int,
        world: World = SINGLE_PROCESS,
        start: Start | None = None,
    ) -> None:
        """Build everything at step 0.

        Args:
            run: folder where the photos' embeddings are kept.
            world: the processes that train together; all begin with the same weights, each has its own batches.
            start: the bundle to start from, where it is not published weights; the preset is of `preset_for`.

        Raises:
            InvalidInputError: nothing can be trained with these data and settings.
        """
        check_start(preset, start)
        torch.manual_seed(seed)
        self.preset, self.compute, self.seed, self.world, self.start = preset, compute, seed, world, start
        self._dataset = dataset
        self.sampler = Sampler(dataset, preset, seed, world, _preparing_processes(compute, world))
        self.photo_bank = (
            photo_bank_of(start, dataset, compute, run, world)
            if start
            else build_photo_bank(dataset, preset, compute, run, world)
        )
        # Again: whether the photos had to be embedded first must not change the weights drawn below.
        torch.manual_seed(seed)
        self._build_networks()
        self._build_optimizers()
        self._build_averages()
        self.broadcast_weights()

    def _build_networks(self) -> None:
        preset, compute = self.preset, self.compute
        first = self.start if self.start and not self.start.anew else None
        self.e1 = compute.place(first.query_encoder() if first else new_query_encoder(preset, self.photo_bank))
        self.first_e1 = copy.deepcopy(self.e1).eval().requires_grad_(False) if first else None
        if preset.frozen_norms:
            self.e1.eval()
        if preset.projection_alone:
            self.e1.network.requires_grad_(False)
        else:
            freeze_first_stages(self.e1.network, preset.frozen_stages)
            keep_gradients_fast(self.e1, compute)
        keep_gradients_fast(self.photo_bank.encoder, compute)
        self.query_input_size = input_size(self.e1.description, preset.query_encoder_size)
        condition = self.photo_bank.dimension if preset.conditioned else 0
        self.g = compute.place(
            first.generator() if first else Generator(replace(preset.generator, condition=condition))
        )
        self.adversarial: AdversarialLoss = adversarial_loss(preset, self.photo_bank, compute.device)
        self.d = compute.place(self.adversarial.discriminator)

    def _build_optimizers(self) -> None:
        preset = self.preset
        self.g_optimizer = torch.optim.Adam(self.g.parameters(), preset.generator_rate, betas=(0.5, 0.99))
        self.d_optimizer = torch.optim.Adam(self.d.parameters(), preset.discriminator_rate, betas=(0.5, 0.99))
        learning = [weights for weights in self.e1.parameters() if weights.requires_grad]
        self.e1_optimizer = torch.optim.AdamW(learning, preset.encoder_rate, weight_decay=0.02)

    def _build_averages(self) -> None:
        """Exponential moving averages (EMA) of G's and E1's weights: the networks as they would be used now."""
        decay = self.preset.ema_decay

        def ema(averages: _Weights, weights: _Weights, steps: Tensor | int) -> None:
            # Less at first: a run of few steps must not end in a mean of what it began with.
            warm = min(decay, (1 + int(steps)) / (10 + int(steps)))
            get_ema_multi_avg_fn(warm)(averages, weights, steps)  # type: ignore[no-untyped-call]

        # Never in training mode.
        self.g_average = AveragedModel(self.g, multi_avg_fn=ema, use_buffers=True).eval()
        self.e1_average = AveragedModel(self.e1, multi_avg_fn=ema, use_buffers=True).eval()

    # --- One step: the paper's alternating updates ---

    def step(self, number: int, rows: Rows) -> dict[str, float]:
        """Step `number`: one update of D, then G, then E1, of each that the phase trains.

        G's images are made once and serve all three. In a joint phase, as in the paper, L_feat is a loss of G and of
        E1: it too is computed once, so both updates go by the gradient where the step began.

        Returns:
            the value of each loss term, unweighted.
        """
        torch.manual_seed(torch_seed(Stream.TRAINING, self.seed, number, self.world.rank))
        phase, step_of_phase = self.preset.phase_at(number)
        if number > 0 and step_of_phase == 0 and phase.condition == "sketches":
            self._recalibrate_average(number)
        self._set_learning_rates(phase, step_of_phase)
        batch = rows.on(self.compute.device)
        adversarial, retrieval = self._forward(batch, phase)
        terms: dict[str, Tensor] = {}
        if adversarial is not None:
            terms |= self.update_discriminator(adversarial)
            terms |= self.update_generator(adversarial, retrieval)
        if retrieval:
            terms |= self.update_query_encoder(retrieval)
        return {name: float(value.detach()) for name, value in terms.items()}

    def update_discriminator(self, adversarial: BatchLosses) -> dict[str, Tensor]:
        """Train D to tell photos from imaginary images: max over D of L_GAN (Guo et al. 2017, equation 1).

        Returns:
            `discriminator`, D's loss.
        """
        with self.compute.autocast():
            loss = adversarial.discriminator_loss()
        self._minimize(loss, self.d_optimizer)
        return {"discriminator": loss}

    def update_generator(self, adversarial: BatchLosses, retrieval: dict[str, Tensor]) -> dict[str, Tensor]:
        """Train G against the D just updated: min over G of L = λ1·L_GAN + λ2·L_pixel + λ3·L_feat.

        Args:
            retrieval: E1's terms (`feature` is L_feat), empty if E1 is not trained; their gradient reaches G scaled
                by `Preset.retrieval_to_generator`.

        Returns:
            G's own terms; those of E1 are reported by `update_query_encoder`.
        """
        with self.compute.autocast():
            terms = adversarial.generator_terms()
            reaching = retrieval if self.preset.retrieval_to_generator else {}
            loss = losses.weighted_sum(terms | reaching, asdict(self.preset.weights))
        self._minimize(loss, self.g_optimizer, retain_graph=bool(reaching))
        self.g_average.update_parameters(self.g)
        return terms

    def update_query_encoder(self, retrieval: dict[str, Tensor]) -> dict[str, Tensor]:
        """Train E1 to embed its input where E2 embeds the photo: min over E1 of λ3·L_feat, and our retrieval terms.

        E2 stays fixed (section 3.2 of the paper).

        Returns:
            E1's terms.
        """
        with self.compute.autocast():
            loss = losses.weighted_sum(retrieval, asdict(self.preset.weights))
        self._minimize(loss, self.e1_optimizer)
        self.e1_average.update_parameters(self.e1)
        return retrieval

    def _minimize(self, loss: Tensor, optimizer: torch.optim.Optimizer, *, retain_graph: bool = False) -> None:
        """One optimizer step: the loss's gradient for this optimizer's parameters alone, averaged and clipped."""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=parameters, retain_graph=retain_graph)  # type: ignore[no-untyped-call]
        self.world.average_gradients(parameters)
        nn.utils.clip_grad_norm_(parameters, _MAX_GRADIENT_NORM)
        optimizer.step()

    def _set_learning_rates(self, phase: Phase, step: int) -> None:
        """Each rate warms up, stays, and falls to zero over the second half of the phase."""
        warm_up = min(1.0, (step + 1) / _WARM_UP_STEPS)
        decay = min(1.0, 2 * (1 - step / max(1, phase.steps)))
        factor = phase.rate * max(0.0, min(warm_up, decay))
        rates = self.preset.generator_rate, self.preset.discriminator_rate, self.preset.encoder_rate
        optimizers = self.g_optimizer, self.d_optimizer, self.e1_optimizer
        for optimizer, rate in zip(optimizers, rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor

    # --- The forward pass ---

    def _forward(self, batch: Batch, phase: Phase) -> tuple[BatchLosses | None, dict[str, Tensor]]:
        """What the updates need: the losses of D and G, if they are trained, and E1's terms, if it is."""
        with self.compute.autocast():
            condition = self._condition(batch, phase)
            imaginary = self._imaginary(batch, phase, condition)
            adversarial = None
            if phase.trains_generator:
                assert imaginary is not None
                adversarial = self.adversarial.on_batch(batch, imaginary, condition)
            if not phase.query_inputs:
                return adversarial, {}
            images = self._query_images(batch, phase, imaginary)
            terms = retrieval_terms(self.e1, images, batch, self.photo_bank, self.preset, self.first_e1)
            return adversarial, terms

    def _condition(self, batch: Batch, phase: Phase) -> Tensor | None:
        """(B, K) unit vectors that a conditioned G gets: see `Phase.condition`."""
        if not self.preset.conditioned or not (phase.trains_generator or "imaginary" in phase.query_inputs):
            return None
        if phase.condition == "sketches":
            with torch.no_grad():
                condition: Tensor = self.e1_average(self._sketch_images(batch.sketches))
            return condition
        # E1 knows the category better than the very photo: anything between the photo and its category's centroid.
        share = torch.rand(len(batch.category), 1, device=self.compute.device)
        photo = self.photo_bank.embeddings[batch.photo_index]
        centroid = self.photo_bank.centroids[batch.category]
        return F.normalize(photo * share + centroid * (1 - share), dim=1)

    def _imaginary(self, batch: Batch, phase: Phase, condition: Tensor | None) -> Tensor | None:
        """(B, 3, G, G) in [0, 1]: of G where it is trained, else of the averaged G where E1 reads them."""
        if phase.trains_generator:
            imaginary: Tensor = self.g(batch.small_sketches, None, condition)
            return imaginary.float()
        if "imaginary" in phase.query_inputs:
            with torch.no_grad():
                imaginary = self.g_average(batch.small_sketches, None, condition)
            return imaginary.float()
        return None

    def _query_images(self, batch: Batch, phase: Phase, imaginary: Tensor | None) -> Tensor:
        """What E1 reads: images (R·B, 3, S1, S1) in [0, 1], the batch in each of the phase's R forms."""
        images = []
        for form in phase.query_inputs:
            if form == "sketches":
                images.append(self._sketch_images(batch.sketches))
            else:
                assert imaginary is not None
                scaled = scaled_gradient(imaginary, self.preset.retrieval_to_generator)
                images.append(resized(scaled, self.query_input_size))
        return torch.cat(images)

    def _sketch_images(self, sketches: Tensor) -> Tensor:
        """Sketches (B, 1, S, S) as E1 reads them, (B, 3, S1, S1)."""
        return resized(sketches.expand(-1, 3, -1, -1), self.query_input_size)

    # --- Averaged weights ---

    def averaged(self, step: int) -> tuple[Generator, Encoder]:
        """G and E1 with weights averaged over the steps before `step`, as they would be used; the run's own stay."""
        generator, query_encoder = self.g_average.module, self._recalibrated(step - 1).module
        assert isinstance(generator, Generator) and isinstance(query_encoder, Encoder)
        return generator, query_encoder

    def _recalibrate_average(self, step: int) -> None:
        """Before a phase in which E1's embeddings of sketches condition G: they must be those of the E1 in use."""
        self.e1_average.load_state_dict(self._recalibrated(step - 1).state_dict())
        self.world.broadcast_module(self.e1_average)

    def _recalibrated(self, step: int) -> AveragedModel:
        """A copy of the averaged E1 with batch norm statistics taken anew: those it has belong to other weights."""
        recalibrated = copy.deepcopy(self.e1_average)
        if self.preset.frozen_norms:
            return recalibrated
        phases = self.preset.phases
        last = phases.index(self.preset.phase_at(step)[0])
        phase = next((p for p in reversed(phases[: last + 1]) if p.query_inputs), None)
        if phase is not None:
            with torch.no_grad(), self.compute.autocast():
                update_bn(self._batch_norm_inputs(phase, step), recalibrated)
        return recalibrated

    def _batch_norm_inputs(self, phase: Phase, step: int) -> Iterator[Tensor]:
        """What E1 read in the first batches of a phase, up to `step`."""
        first = sum(p.steps for p in self.preset.phases[: self.preset.phases.index(phase)])
        random_state = torch.get_rng_state()
        torch.manual_seed(torch_seed(Stream.BATCH_NORM, self.seed, step))
        for rows in self.sampler.batches(first, min(first + _BATCH_NORM_BATCHES, step + 1)):
            batch = rows.on(self.compute.device)
            imaginary = self._imaginary(batch, phase, self._condition(batch, phase))
            yield self._query_images(batch, phase, imaginary)
        torch.set_rng_state(random_state)

    # --- What a run asks for ---

    def set_lengths(self, lengths: Sequence[int]) -> None:
        """Let each phase have so many steps, from the next step on; learning rates follow the phase's new length."""
        self.preset = self.sampler.preset = self.preset.with_lengths(lengths)

    @property
    def identity(self) -> dict[str, object]:
        """What makes this run another than others: a checkpoint goes on only where all of it is the same.

        How long it is does not count: a run may go on for longer.
        """
        data = self._dataset
        items = [f"{i.path} {i.category} {i.source} {i.line}" for i in (*data.photos, *data.sketches)]
        digest = hashlib.sha256("\n".join(items).encode() + data.pairs.tobytes()).hexdigest()
        settings = repr(self.preset.with_lengths([0] * len(self.preset.phases)))
        identity = {"settings": settings, "seed": self.seed, "processes": self.world.size, "data": digest}
        return identity | ({"start": self.start.bundle.sha256} if self.start else {})

    def result(self, step: int) -> TrainedNetworks:
        """What the run has made by `step`, for `export`."""
        generator, query_encoder = self.averaged(step)
        return TrainedNetworks(
            generator,
            query_encoder,
            self.query_input_size,
            self.preset.sketch_size,
            self.preset.sketch_weight,
            self.photo_bank.encoder,
            self.start.projection if self.start else None,
        )

    def examples(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """The same examples at every step.

        Returns:
            sketches (N, 1, G, G), what the averaged G makes of them as in use (N, 3, G, G), and photos (N, 3, G, G),
            all in [0, 1].
        """
        with torch.random.fork_rng():
            torch.manual_seed(torch_seed(Stream.TRAINING, self.seed, 0))
            batch = self.sampler.batch(0).on(self.compute.device)
        sketches, small, photos = batch.sketches[-count:], batch.small_sketches[-count:], batch.photos[-count:]
        with torch.no_grad(), self.compute.autocast():
            condition = self.e1_average(self._sketch_images(sketches)) if self.preset.conditioned else None
            imaginary = self.g_average(small, None, condition)
        return small, imaginary.float(), photos

    def checkpoint_parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Everything a checkpoint holds, by name."""
        return {
            "g": self.g,
            "d": self.d,
            "e1": self.e1,
            "g_average": self.g_average,
            "e1_average": self.e1_average,
            "g_optimizer": self.g_optimizer,
            "d_optimizer": self.d_optimizer,
            "e1_optimizer": self.e1_optimizer,
        }

    def broadcast_weights(self) -> None:
        """Give every process the main one's networks."""
        for part in self.checkpoint_parts().values():
            if isinstance(part, nn.Module):
                self.world.broadcast_module(part)


def _preparing_processes(compute: Compute, world: World) -> int:
    """Processes that prepare batches: a GPU reads more than one thread can draw; on a processor, cores have work."""
    return max(1, (os.cpu_count() or 1) // world.size - 1) if compute.device.type == "cuda" else 0


def scaled_gradient(images: Tensor, scale: float) -> Tensor:
    """The images themselves (of any shape), but only `scale` (0 to 1) of the gradient flows back into them."""
    return images * scale + images.detach() * (1 - scale)
