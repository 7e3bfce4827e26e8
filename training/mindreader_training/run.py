"""A run: steps from a preset's first to its last, in a folder that can be killed and resumed at any moment."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import nn

from mindreader.errors import InvalidInputError
from mindreader_training.monitor import Monitor
from mindreader_training.presets import continued
from mindreader_training.trainer import Trainer

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"
_LOG_EVERY, _SAVE_EVERY = 10, 100


@dataclass
class Progress:
    """What a run knows of itself."""

    step: int = 0
    seconds: float = 0.0
    best: float = float("-inf")
    """The phase's best mean average precision on the development split."""
    since_best: int = 0
    """Measurements since then."""
    stopped: list[str] = field(default_factory=list)
    """Phases that ended early."""
    trained: int = 0
    """Steps really made; `step` jumps where a phase ends early."""
    asked_lengths: list[int] = field(default_factory=list)
    """Steps of each phase, as the run began."""
    lengths: list[int] = field(default_factory=list)
    """The same as it goes on: see `Run.resume`."""


@dataclass(frozen=True)
class EarlyStopping:
    """Ends a phase in which E1 is trained once the development split gets no better."""

    measure: Callable[[nn.Module, nn.Module], float]
    """Mean average precision of averaged G and E1 on the development split."""
    every: int
    """Steps between two measurements."""
    patience: int
    """Measurements without a new best before the phase ends; 0 measures and never ends one."""


Watch = Callable[[Progress], bool]
"""Told of each step that is made; the run stops where it answers False."""


class Run:
    """Trains in a folder: log, checkpoint, TensorBoard."""

    def __init__(
        self,
        trainer: Trainer,
        folder: Path,
        stopping: EarlyStopping | None = None,
        *,
        watch: Watch | None = None,
        save_every: int = _SAVE_EVERY,
    ) -> None:
        """Begin at step 0.

        Args:
            stopping: ends phases early.
            watch: takes the place of the progress bar and of TensorBoard.
            save_every: steps between two checkpoints.
        """
        self.trainer, self.folder, self._stopping = trainer, folder, stopping
        self._watch, self._save_every = watch, save_every
        lengths = list(trainer.preset.lengths)
        self.progress = Progress(asked_lengths=lengths, lengths=lengths)

    def train(self) -> bool:
        """Go on to the preset's last step; logs every 10 steps, keeps a checkpoint every 100 as a rule.

        Returns:
            whether it came that far: else whoever watches stopped it, and a checkpoint holds what was done.
        """
        preset = self.trainer.preset
        shown = self.trainer.world.is_main_process and self._watch is None
        with Monitor(self.folder, preset.steps, self.progress.step, enabled=shown) as monitor:
            while self.progress.step < preset.steps:
                if not self._train_phase(monitor):
                    return False
        return True

    def _train_phase(self, monitor: Monitor) -> bool:
        """To the end of the phase, which may come early; whether the run goes on after it."""
        preset, progress = self.trainer.preset, self.progress
        phase, within = preset.phase_at(progress.step)
        end = progress.step - within + phase.steps
        for batch in self.trainer.sampler.batches(progress.step, end):
            started = time.monotonic()
            terms = self.trainer.step(progress.step, batch)
            progress.step += 1
            progress.trained += 1
            progress.seconds += time.monotonic() - started
            if progress.step % _LOG_EVERY == 0 or progress.step == end:
                self._log(phase.name, len(batch.category), terms, monitor)
            ended = bool(phase.query_inputs) and self._should_stop(monitor, end)
            if ended:
                progress.stopped.append(phase.name)
                progress.step = end
            if progress.step == end:
                progress.best, progress.since_best = float("-inf"), 0
            goes_on = self._watch is None or self._watch(progress)
            if progress.step % self._save_every == 0 or progress.step == end or not goes_on:
                self.save()
            if ended or not goes_on:
                return goes_on
        return True

    def _should_stop(self, monitor: Monitor, end: int) -> bool:
        """Measure on the development split when it is time to; whether the phase should end."""
        stopping, progress = self._stopping, self.progress
        if stopping is None or (progress.step % stopping.every and progress.step != end):
            return False
        # The main process measures: the phase ends for all or for none.
        world, measured = self.trainer.world, 0.0
        if world.is_main_process:
            measured = stopping.measure(*self.trainer.averaged(progress.step))
        metric = world.broadcast(measured, self.trainer.compute.device)
        monitor.scalars(progress.step, {"dev_map": metric})
        if metric > progress.best:
            progress.best, progress.since_best = metric, 0
        else:
            progress.since_best += 1
        return 0 < stopping.patience <= progress.since_best

    def _log(self, phase: str, batch: int, terms: dict[str, float], monitor: Monitor) -> None:
        if not self.trainer.world.is_main_process:
            return
        numbers = {"step": self.progress.step, "seconds": self.progress.seconds, "batch": batch} | terms
        entry = {"phase": phase} | {name: round(value, 5) for name, value in numbers.items()}
        with (self.folder / LOG).open("a") as file:
            file.write(json.dumps(entry) + "\n")
        monitor.progress(self.progress.step, phase, batch, terms)
        if self.progress.step % _SAVE_EVERY == 0:
            monitor.images(self.progress.step, self.trainer)

    def save(self) -> None:
        """Write the checkpoint; a kill in the middle leaves the one before it."""
        if self.trainer.world.is_main_process:
            state = {name: part.state_dict() for name, part in self.trainer.checkpoint_parts().items()}
            fresh = self.folder / f"{CHECKPOINT}.new"
            torch.save({"progress": asdict(self.progress), "identity": self.trainer.identity, **state}, fresh)
            fresh.replace(self.folder / CHECKPOINT)
        self.trainer.world.barrier()

    def resume(self, steps: int | None = None) -> None:
        """Go on from the folder's checkpoint; a run without one starts at the beginning.

        A run, finished or not, can go on for longer: phases that are over stay as they were, what is left is stretched
        to `steps` in all, and where nothing is left the last phase becomes longer. Learning rates follow the new
        length: where they had fallen already, they rise to where the longer schedule has them (a warm restart).

        Args:
            steps: in all; None for as many as it was to make.

        Raises:
            InvalidInputError: the checkpoint is of a run with other settings, data, seed or number of processes, or has
                made more steps already.
        """
        path = self.folder / CHECKPOINT
        if not path.exists():
            return
        saved = torch.load(path, map_location=self.trainer.compute.device, weights_only=True)
        now, then = self.trainer.identity, saved.get("identity", {})
        if other := [name for name in now if then.get(name) != now[name]]:
            raise InvalidInputError(
                f"{path} is of a run with other {', '.join(other)}. Resume with those it began with, or give another "
                "--out."
            )
        for name, part in self.trainer.checkpoint_parts().items():
            part.load_state_dict(saved[name])
        asked, self.progress = self.progress.lengths, Progress(**saved["progress"])
        self.trainer.set_lengths(self._lengths(asked, steps))
        self.progress.lengths = list(self.trainer.preset.lengths)
        self.trainer.broadcast_weights()

    def _lengths(self, asked: list[int], steps: int | None) -> Sequence[int]:
        """Steps of each phase with which the run goes on."""
        progress = self.progress
        if steps is None:
            if asked not in (progress.asked_lengths, progress.lengths):
                raise InvalidInputError(
                    f"This run was to make {_listed(progress.lengths)} steps in its phases, not {_listed(asked)}. "
                    "Resume without those settings; --steps N makes it longer."
                )
            return progress.lengths
        if steps < progress.step:
            raise InvalidInputError(f"This run has made {progress.step} steps already: --steps must not be fewer.")
        return continued(progress.lengths, progress.step, steps)


def _listed(lengths: Sequence[int]) -> str:
    return " + ".join(map(str, lengths))
