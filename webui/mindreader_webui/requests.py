"""Each request has an id, from the browser to the worker's log: X-Request-ID."""

from __future__ import annotations

import logging
import time

from flask import Flask, Response, g, request

from mindreader.logs import checked_request_id, request_id

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"


def init_requests(app: Flask) -> None:
    """Give every request its id, and a line in the log."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    # Not reset afterwards: the thread's next request sets its own, and a problem document may still want it.
    request_id.set(checked_request_id(request.headers.get(HEADER)))
    g.asked_at = time.perf_counter()


def _end(response: Response) -> Response:
    response.headers[HEADER] = request_id.get()
    is_quiet = request.method in ("GET", "HEAD") and response.status_code < 400
    milliseconds = (time.perf_counter() - g.asked_at) * 1000
    level = logging.DEBUG if is_quiet else logging.INFO
    log.log(level, "%s %s: %d, %.0f ms", request.method, request.path, response.status_code, milliseconds)
    return response
