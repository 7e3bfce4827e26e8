"""Each request has an id, from the browser to the worker's log (X-Request-ID), and a trace if the settings say so."""

from __future__ import annotations

import logging

from flask import Flask, Response, g, request

from mindreader.observability.logs import checked_request_id, request_id
from mindreader.observability.timing import StageTimer
from mindreader.observability.traces import describe, start_traces
from mindreader.settings import Settings

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"
SECRET_IN_PATH = "link_secret"  # noqa: S105  # nosec B105  # the name of the part of an address that is one
_NOT_TRACED = "healthz,readyz,metrics,static/.*,shared/.*,api/v1/public/.*"  # the last two: their paths are secrets


def init_requests(app: Flask, settings: Settings) -> None:
    """Give every request its id, a line in the log, and a trace if there are any."""
    if start_traces(settings):
        from opentelemetry.instrumentation.flask import FlaskInstrumentor

        FlaskInstrumentor().instrument_app(app, excluded_urls=_NOT_TRACED)  # type: ignore[no-untyped-call]
    app.before_request(_begin)
    app.after_request(_end)


def path_for_logs() -> str:
    """The path of the request, without the secret of a public link."""
    secret = (request.view_args or {}).get(SECRET_IN_PATH)
    return request.path.replace(secret, "…") if secret else request.path


def _begin() -> None:
    # Not reset afterwards: the thread's next request sets its own, and a problem document may still want it.
    request_id.set(checked_request_id(request.headers.get(HEADER)))
    describe(request_id=request_id.get())
    g.timer = StageTimer()


def _end(response: Response) -> Response:
    response.headers[HEADER] = request_id.get()
    is_quiet = request.method in ("GET", "HEAD") and response.status_code < 400
    milliseconds = g.timer.total * 1000
    level = logging.DEBUG if is_quiet else logging.INFO
    log.log(level, "%s %s: %d, %.0f ms", request.method, path_for_logs(), response.status_code, milliseconds)
    return response
