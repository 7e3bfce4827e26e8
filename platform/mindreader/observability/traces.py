"""OpenTelemetry traces, from the browser's request to the worker's stages, sent where the settings name a collector.

Nothing that traces is loaded otherwise. How much is sent, and as whom, is for OpenTelemetry's own variables
(``OTEL_TRACES_SAMPLER``, ``OTEL_SERVICE_NAME``, ...).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from threading import Lock
from typing import TYPE_CHECKING

from mindreader.errors import ConfigurationError
from mindreader.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_EXPORT_SECONDS = 5  # an ending process waits no longer for a collector that is away

_starting = Lock()
_tracer: Tracer | None = None


def start_traces(settings: Settings) -> bool:
    """Send the spans of this process from now on, if the settings name a collector; whether they do.

    Raises:
        ConfigurationError: OpenTelemetry is not installed.
    """
    global _tracer
    if not settings.traces_url:
        return False
    with _starting:
        if _tracer is None:
            _tracer = _tracer_to(settings.traces_url)
    return True


@contextmanager
def span(name: str) -> Iterator[None]:
    """What is done inside is a span of the trace at hand."""
    if _tracer is None:
        yield
        return
    with _tracer.start_as_current_span(name):
        yield


def describe(**facts: str) -> None:
    """Say something about the span at hand: attributes ``mindreader.NAME``."""
    if _tracer is None:
        return
    from opentelemetry.trace import get_current_span

    get_current_span().set_attributes({f"mindreader.{name}": value for name, value in facts.items()})


def _tracer_to(url: str) -> Tracer:
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"MINDREADER_TRACES_URL is set, but {error.name} is not installed: pip install 'mindreader[traces]', "
            "or leave the variable out."
        ) from None
    facts: dict[str, str | int] = {"service.version": version("mindreader"), "process.pid": os.getpid()}
    if "OTEL_SERVICE_NAME" not in os.environ:
        facts["service.name"] = "mindreader"
    resource = Resource.create(facts)
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{url.rstrip('/')}/v1/traces", timeout=_EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return trace.get_tracer("mindreader")
