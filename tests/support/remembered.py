"""What this process would make again for every test, and makes once: it follows from the same words each time.

Without it an app takes 35 ms of a core, with it 5. Processes that tests start know nothing of this.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from types import CodeType
from typing import Any

import httpx._transports.default
import jinja2
from sqlalchemy import Engine, create_engine
from werkzeug.routing import Rule

from mindreader.settings import Settings
from tests.support.temporary import compiled_models


def remember() -> None:
    """Have it so from now on, until this process ends."""
    Rule.compile = _rules(Rule.compile)  # type: ignore[method-assign, assignment]
    jinja2.Environment.compile = _templates(jinja2.Environment.compile)  # type: ignore[method-assign, assignment]
    # A client reads the certificates of all authorities, whatever it asks for: 25 ms.
    httpx._transports.default.create_ssl_context = lru_cache(httpx.create_ssl_context)  # type: ignore[attr-defined]
    # Making a network ready for OpenVINO takes eight seconds of a core; whoever names no folder would make it again.
    Settings.compiled_models_dir = property(lambda own: own.compiled_models or compiled_models())  # type: ignore[assignment, method-assign]


def share_statements(engine: Engine) -> None:
    """Let an engine for SQLite take the statements that others compiled; by itself it begins with none."""
    engine.dialect, engine._compiled_cache = _sqlite().dialect, _sqlite()._compiled_cache


@cache
def _sqlite() -> Engine:
    engine = create_engine("sqlite://", query_cache_size=5000)
    engine.connect().close()  # it finds out what its database can do
    return engine


def _rules(compile_one: Callable[[Rule], None]) -> Callable[[Rule], None]:
    """Rules of the same words have the same parts; only the map that holds them is another."""
    known: dict[tuple[object, ...], dict[str, Any]] = {}

    def compiled(self: Rule) -> None:
        if self.defaults or self.host or self.subdomain:
            compile_one(self)
            return
        key = self.rule, self.merge_slashes, self.strict_slashes
        if key not in known:
            compile_one(self)
            known[key] = {name: getattr(self, name) for name in ("_parts", "_trace", "_converters")}
            known[key] |= {name: getattr(self, name).__func__ for name in ("_build", "_build_unknown")}
            return
        for name, value in known[key].items():
            setattr(self, name, value.__get__(self) if callable(value) else value.copy())

    return compiled


def _templates(compile_one: Callable[..., CodeType]) -> Callable[..., CodeType]:
    known: dict[tuple[object, ...], CodeType] = {}

    def compiled(self: jinja2.Environment, source: object, *named: object, **options: object) -> CodeType:
        if not isinstance(source, str) or options:
            return compile_one(self, source, *named, **options)
        key = (source, *named, *self.extensions)
        if key not in known:
            known[key] = compile_one(self, source, *named)
        return known[key]

    return compiled
