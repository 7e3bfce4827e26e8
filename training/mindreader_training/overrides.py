"""Settings of a preset, changed by ``NAME=VALUE`` as on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from types import NoneType
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from mindreader.errors import InvalidInputError
from mindreader_training.presets import Preset, checked

_EVERY_PHASE = ("batch", "aligned_share", "rate")
"""Settings of phases that are set for all of them at once."""
_FIXED = ("name", "phases", "condition")


def with_overrides(chosen: Preset, overrides: Sequence[str]) -> Preset:
    """The preset with settings changed by ``name=value``; ``weights.gan=0.2`` reaches into a group of them.

    ``batch``, ``aligned_share`` and ``rate`` are set for every phase, ``phases.generator.steps=0`` for the phase
    of that name; ``projection=none`` leaves the projection out.

    Raises:
        InvalidInputError: an override has no such form, no such setting exists, the value is of another kind, or
            nothing can be trained with the numbers together.
    """
    for override in overrides:
        name, equals, text = override.partition("=")
        if not equals:
            raise InvalidInputError(f"{override!r} is no setting. Write NAME=VALUE, for example weights.gan=0.2.")
        if name in _EVERY_PHASE:
            phases = tuple(_with(phase, [name], text, name) for phase in chosen.phases)
            chosen = replace(chosen, phases=phases)
        elif name.startswith("phases."):
            chosen = _with_phase(chosen, name, text)
        else:
            chosen = _with(chosen, name.split("."), text, name)
    return checked(chosen)


def _with_phase(chosen: Preset, name: str, text: str) -> Preset:
    _, phase_name, *setting = name.split(".")
    names = [phase.name for phase in chosen.phases]
    if phase_name not in names or len(setting) != 1:
        raise InvalidInputError(f"Unknown setting {name}. Write phases.NAME.SETTING; phases: {', '.join(names)}.")
    phases = tuple(_with(p, setting, text, name) if p.name == phase_name else p for p in chosen.phases)
    return replace(chosen, phases=phases)


def _with(part: Any, path: Sequence[str], text: str, whole: str) -> Any:
    known = sorted(field.name for field in fields(part)) if is_dataclass(part) else []
    if path[0] not in known or path[0] in _FIXED:
        raise InvalidInputError(f"Unknown setting {whole}. Settings here: {', '.join(known) or 'none'}.")
    old = getattr(part, path[0])
    if len(path) > 1:
        return replace(part, **{path[0]: _with(old, path[1:], text, whole)})
    kind = get_type_hints(type(part))[path[0]]
    if text == "none" and NoneType in get_args(kind):
        return replace(part, **{path[0]: None})
    try:
        return replace(part, **{path[0]: TypeAdapter(kind).validate_strings(text)})
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise InvalidInputError(f"{whole} must be like {old!r}, not {text!r}: {reason}.") from None
