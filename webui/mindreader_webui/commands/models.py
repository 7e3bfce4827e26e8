"""`mindreader models`: bring in model bundles, see what they cost, build, switch, go back."""

from __future__ import annotations

import json
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from mindreader.text import repaired
from mindreader_webui.commands.client import ApiClient, connected, server_option, token_option
from mindreader_webui.commands.jobs import follow

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_version = click.argument("model_version_id", type=click.IntRange(1), metavar="ID")


@click.group()
def models() -> None:
    """Model versions: bring one in, see what it costs, build it beside the old one, switch, go back."""


@models.command("list")
@_json
@server_option
@token_option
def list_models(as_json: bool, server: str | None, token: str | None) -> None:
    """All versions, the newest first, with how far their embedding spaces are."""
    with connected(server, token) as api:
        found, spaces = api.get("/models")["models"], _spaces(api)
    if as_json:
        click.echo(json.dumps({"models": found, "spaces": list(spaces.values())}, indent=2))
        return
    for model in found:
        mark = "*" if model["active"] else " "
        click.echo(f"{mark} {model['id']:4}  {model['name']:30}  {_readiness(spaces[model['space_id']])}")


@models.command()
@click.argument("bundle", type=click.Path(exists=True, path_type=Path))
@_json
@server_option
@token_option
def add(bundle: Path, as_json: bool, server: str | None, token: str | None) -> None:
    """Bring in BUNDLE, a folder or a zip file. It is tried by a worker; nothing is embedded or switched yet."""
    with tempfile.TemporaryDirectory() as folder, connected(server, token) as api:
        archive = bundle
        if bundle.is_dir():
            from mindreader.bundles import read_bundle
            from mindreader.bundles.archive import pack_bundle

            archive = Path(folder) / f"{bundle.resolve().name}.zip"
            pack_bundle(read_bundle(bundle), archive)
        with archive.open("rb") as file:
            model = api.post("/models", files={"bundle": (repaired(archive.name), file, "application/zip")})
        space = _spaces(api)[model["space_id"]]
    _print_added(model, space, as_json)


@models.command()
@_version
@click.argument("scheme", required=False)
@_json
@server_option
@token_option
def regions(model_version_id: int, scheme: str | None, as_json: bool, server: str | None, token: str | None) -> None:
    """Register version ID once more, with regions: searches then look into photos too. Nothing is embedded yet.

    SCHEME says which regions; without it, the best that version ID does not have yet.
    """
    with connected(server, token) as api:
        addable = [each["regions"] for each in _model(api, model_version_id)["addable_regions"]]
        if scheme is None and not addable:
            raise click.ClickException("There are no regions to add to this version.")
        model = api.post(f"/models/{model_version_id}/regions", json={"regions": scheme or addable[0]})
        space = _spaces(api)[model["space_id"]]
    _print_added(model, space, as_json)


@models.command()
@_version
@click.option("--wait", is_flag=True, help="Show its progress until it is done.")
@_json
@server_option
@token_option
def build(model_version_id: int, wait: bool, as_json: bool, server: str | None, token: str | None) -> None:
    """Embed every photo for version ID, beside the one in use. Searches go on as before."""
    with connected(server, token) as api:
        job = api.post(f"/spaces/{_model(api, model_version_id)['space_id']}/build")
        if wait:
            job = follow(api, job["id"], quiet=as_json)
    click.echo(json.dumps(job, indent=2) if as_json else f"Job {job['id']}: {job['total']} photos, {job['state']}.")


@models.command()
@_version
@click.option("--incomplete", is_flag=True, help="Even if some photos would not be found yet.")
@_json
@server_option
@token_option
def activate(model_version_id: int, incomplete: bool, as_json: bool, server: str | None, token: str | None) -> None:
    """Let version ID answer searches from now on; with an older ID, go back to it."""
    with connected(server, token) as api:
        model = api.post(f"/models/{model_version_id}/activate", params={"incomplete": incomplete})
    click.echo(json.dumps(model, indent=2) if as_json else f"{model['name']} answers searches now.")


@models.command()
@_version
@server_option
@token_option
def remove(model_version_id: int, server: str | None, token: str | None) -> None:
    """Forget version ID; an embedding space no other version uses is dropped with its index."""
    with connected(server, token) as api:
        api.delete(f"/models/{model_version_id}")
    click.echo("Removed.")


@models.command()
@_version
@server_option
@token_option
def drop(model_version_id: int, server: str | None, token: str | None) -> None:
    """Free the index of version ID's embedding space, and keep the version; it can be built again."""
    with connected(server, token) as api:
        api.delete(f"/spaces/{_model(api, model_version_id)['space_id']}")
    click.echo("The index is being removed.")


def _model(api: ApiClient, model_version_id: int) -> dict[str, Any]:
    for model in api.get("/models")["models"]:
        if model["id"] == model_version_id:
            found: dict[str, Any] = model
            return found
    raise click.ClickException(f"There is no model version {model_version_id}. `mindreader models list` shows them.")


def _spaces(api: ApiClient) -> dict[int, dict[str, Any]]:
    return {space["id"]: space for space in api.get("/spaces")["spaces"]}


def _readiness(space: dict[str, Any]) -> str:
    counts = space["counts"]
    if space["state"] == "dropping":
        return "its index is being removed"
    if space["state"] == "known":
        return f"not built ({_cost(space['cost'])})"
    total = sum(counts.values())
    left_out = counts["failed"] + counts["skipped"]
    return f"{counts['indexed']} of {total} photos searchable" + (f", {left_out} failed" if left_out else "")


def _cost(cost: dict[str, Any]) -> str:
    time = "unknown time" if cost["seconds"] is None else f"about {timedelta(seconds=round(cost['seconds']))}"
    disk, memory = cost["index_bytes"] / 2**20, cost["memory_bytes"] / 2**20
    return f"{cost['photos']} photos, {time}, {disk:.0f} MB of disk, {memory:.0f} MB of memory"


def _print_added(model: dict[str, Any], space: dict[str, Any], as_json: bool) -> None:
    """A version that is registered now, and what to do next."""
    if as_json:
        click.echo(json.dumps({"model": model, "space": space}, indent=2))
        return
    click.echo(f"Model version {model['id']}, {model['name']}: {_readiness(space)}.")
    click.echo(_next_step(model, space))


def _next_step(model: dict[str, Any], space: dict[str, Any]) -> str:
    number = model["id"]
    if space["state"] == "known":
        return f"It needs an index of its own: `mindreader models build {number}`, then `models activate {number}`."
    return f"Its photos are embedded already: `mindreader models activate {number}` switches at once."
