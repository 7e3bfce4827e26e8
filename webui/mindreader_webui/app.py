"""The Flask app: HTTP API, pages, and what holds for every response."""

from __future__ import annotations

from importlib.metadata import version

from flask import Response
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from mindreader_webui.access import ANYONE, access, init_access
from mindreader_webui.api import BLUEPRINTS, SECURITY_SCHEMES
from mindreader_webui.api.schemas.common import Problem
from mindreader_webui.auth import init_auth
from mindreader_webui.health import health
from mindreader_webui.hosts import init_hosts
from mindreader_webui.i18n import init_i18n
from mindreader_webui.metrics import init_metrics
from mindreader_webui.openid import init_openid
from mindreader_webui.openid_pages import openid_pages
from mindreader_webui.pages import pages
from mindreader_webui.problems import init_problems, refuse_fields
from mindreader_webui.rates import limit_rates
from mindreader_webui.requests import init_requests
from mindreader_webui.services import Services, attach
from mindreader_webui.uploads import init_uploads

OPENAPI_PATH = "/openapi/openapi.json"

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",  # an answer that may be kept says so itself
}


def create_app(services: Services) -> OpenAPI:
    """The web UI over these services; the catalog must be migrated."""
    app = OpenAPI(
        __name__,
        info=Info(title="MindReader", version=version("mindreader"), description="Find photos by drawing."),
        security_schemes=SECURITY_SCHEMES,
        validation_error_model=Problem,
        validation_error_callback=refuse_fields,
        doc_ui=False,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    attach(app, services)
    init_i18n(app, services.settings.translations_dir)
    init_requests(app, services.settings)
    init_metrics(app, services.catalog)
    init_problems(app)
    init_hosts(app, services.settings)
    init_auth(app, services)
    init_openid(app, services.settings)
    init_access(app)
    init_uploads(app, services.settings)
    for blueprint in BLUEPRINTS:
        app.register_api(blueprint)
    app.register_blueprint(pages)
    app.register_blueprint(openid_pages)
    app.register_blueprint(health)
    app.add_url_rule(OPENAPI_PATH, "openapi", access(ANYONE)(lambda: app.api_doc))
    access(ANYONE)(app.view_functions["static"])
    limit_rates(app, services.settings)
    app.after_request(_with_headers)
    return app


def _with_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
