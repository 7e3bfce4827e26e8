"""Every operation of the OpenAPI document, with requests made up from it: no 5xx, no answer it does not describe."""

import importlib
import inspect
import pkgutil
from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mindreader_webui import api
from mindreader_webui.app import OPENAPI_PATH, create_app
from mindreader_webui.services import Services

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
# These sign in or out; the searches and what else a worker does are answered by the stand-in of `finder`.
LEFT_OUT = {"POST /api/v1/setup", "POST /api/v1/session", "DELETE /api/v1/session"}


@pytest.mark.parametrize("examples", [2, pytest.param(6, marks=pytest.mark.slow)])
def test_no_operation_answers_what_its_document_does_not_say(services, admin, finder, examples):
    quick = services.settings.model_copy(update={"search_rate": "100000/minute"})
    app = create_app(Services(quick, services.catalog, services.blobs, services.celery))
    wrong: dict[str, str] = {}
    for found in schemathesis.openapi.from_wsgi(OPENAPI_PATH, app).get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.label not in LEFT_OUT:
            _try(operation, admin.headers, wrong, examples)
    assert wrong == {}


def _try(operation, headers, wrong, examples):
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case):
        case.call_and_validate(headers=headers, checks=CHECKS)

    try:
        ask()
    except (AssertionError, BaseExceptionGroup) as failure:
        wrong[operation.label] = str(failure)[:2000]


def test_a_request_does_not_describe_its_query_again(admin, monkeypatch):
    assert admin.get("/photos?limit=1").status_code == 200
    monkeypatch.setattr(GenerateJsonSchema, "generate", lambda *_, **__: pytest.fail("a schema is made again"))
    assert admin.get("/photos?limit=1").status_code == 200


def test_every_schema_has_a_name_of_its_own():
    """Of two with one name, the document would describe both by the one that came last."""
    names = Counter(
        kind.__name__
        for info in pkgutil.walk_packages(api.__path__, f"{api.__name__}.")
        for _, kind in inspect.getmembers(importlib.import_module(info.name), inspect.isclass)
        if issubclass(kind, BaseModel) and kind.__module__ == info.name
    )
    assert len(names) > 80
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/photos/category", "LabelledPhotos"),
        ("/photos/delete", "DeletedPhotos"),
        ("/trash/photos/restore", "ChangedPhotos"),
        ("/jobs/{job_id}/retry", "ChangedJobPhotos"),
    ],
)
def test_answers_are_described_by_what_they_hold(app, path, schema):
    described = app.api_doc["paths"][f"/api/v1{path}"]["post"]["responses"]["200"]["content"]["application/json"]
    assert described["schema"]["$ref"] == f"#/components/schemas/{schema}"
