"""How a run shows itself: a progress bar, TensorBoard scalars, and grids of sketch, imaginary image and photo."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import click
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mindreader_training.trainer import Trainer

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_SHOWN = 8
_LINE_EVERY = 100


class Monitor:
    """Shows one run: a bar in a terminal, a line every 100 steps elsewhere; nothing where it is not enabled."""

    def __init__(self, folder: Path, steps: int, first_step: int, *, enabled: bool) -> None:
        self._writer = _writer(folder) if enabled else None
        self._steps, self._first_step, self._started = steps, first_step, time.monotonic()
        console = Console()
        self._lines = enabled and not console.is_terminal
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[status]}"),
        )
        self._bar = Progress(*columns, console=console, disable=not (enabled and console.is_terminal))
        self._task = self._bar.add_task("", total=steps, completed=first_step, status="")

    def __enter__(self) -> Monitor:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        if self._writer:
            self._writer.close()

    def progress(self, step: int, phase: str, batch: int, terms: dict[str, float]) -> None:
        """The step a run has reached, how large its batch was, and its losses."""
        rate = (step - self._first_step) / max(time.monotonic() - self._started, 1e-9)
        left = timedelta(seconds=round((self._steps - step) / max(rate, 1e-9)))
        losses = ", ".join(f"{name} {value:.3f}" for name, value in terms.items())
        status = f"{rate * batch:.1f} images/s, {left} left, {losses}"
        self._bar.update(self._task, completed=step, description=phase, status=status)
        if self._lines and (step % _LINE_EVERY == 0 or step == self._steps):
            click.echo(f"{phase}: step {step} of {self._steps}, {status}")
        self.scalars(step, {f"loss/{name}": value for name, value in terms.items()} | {"steps_per_second": rate})

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Numbers for TensorBoard."""
        if self._writer:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def images(self, step: int, trainer: Trainer) -> None:
        """Rows of sketch, imaginary image (by the averaged G) and photo, for TensorBoard."""
        if self._writer is None:
            return
        sketches, imaginary, photos = trainer.examples(_SHOWN)
        rows = torch.cat([sketches.expand(-1, 3, -1, -1), imaginary, photos], dim=3)
        self._writer.add_image("sketch, imaginary image, photo", torch.cat(list(rows), dim=1).clamp(0, 1), step)


def _writer(folder: Path) -> SummaryWriter:
    from torch.utils.tensorboard import SummaryWriter  # of the extra `training`, which a run that shows nothing lacks

    return SummaryWriter(folder / "tensorboard")
