"""What all parts of the API share."""

from typing import Any

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel

from mindreader_webui.access import Caller, access_to_all
from mindreader_webui.problems import MEDIA_TYPE

PREFIX = "/api/v1"
MAX_ID = 2**31 - 1
"""Ids are 32-bit integers; a larger one names nothing."""

_PROBLEM: dict[str, Any] = {
    "description": "A problem document (RFC 9457).",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
NO_SECURITY: list[dict[str, list[str]]] = [{}]


def blueprint(name: str, import_name: str, description: str, caller: Caller) -> APIBlueprint:
    """A part of the API; each operation's errors are problem documents.

    Args:
        caller: who may ask, where a view does not say otherwise by `mindreader_webui.access.access`.
    """
    part = APIBlueprint(
        name,
        import_name,
        url_prefix=PREFIX,
        abp_tags=[Tag(name=name, description=description)],
        abp_security=[{"token": []}, {"session": []}],
        abp_responses={"422": _PROBLEM, "default": _PROBLEM},
    )
    access_to_all(part, caller)
    return part


def id_in_path(name: str) -> str:
    """A URL part that matches an id the catalog can hold; anything else is not found."""
    return f"<int(max={MAX_ID}):{name}>"


def answer(body: BaseModel, status: int = 200) -> Response:
    """A JSON answer; it is about one user at one moment, so nobody keeps it."""
    return Response(body.model_dump_json(), status, mimetype="application/json", headers={"Cache-Control": "no-store"})


def no_content(status: int = 204) -> Response:
    """An answer that says only that it was done."""
    return Response(status=status)


def multipart(model: type[BaseModel]) -> dict[str, Any]:
    """The description of a multipart body.

    flask-openapi3's own forms read every value as JSON, so that a category called 2024 becomes a number.
    """
    schema = model.model_json_schema()
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
