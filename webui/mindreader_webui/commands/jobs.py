"""`mindreader jobs`: watch jobs, pause, resume, cancel, and look after the photos that failed."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mindreader_webui.commands.client import ApiClient, connected, server_option, token_option

_SECONDS_BETWEEN_LOOKS = 1.0
_PAGE = 200

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_job = click.argument("job_id", type=click.IntRange(1), metavar="ID")
_photo = click.option("--photo", type=click.IntRange(1), help="Only this photo; all that failed if not given.")


@click.group()
def jobs() -> None:
    """Jobs that embed a whole library: watch, pause, resume, cancel; retry or skip what failed."""


@jobs.command("list")
@_json
@server_option
@token_option
def list_jobs(as_json: bool, server: str | None, token: str | None) -> None:
    """All jobs, the newest first."""
    with connected(server, token) as api:
        found = api.get("/jobs")["jobs"]
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo("\n".join(_line(job) for job in found) or "There are no jobs.")


@jobs.command()
@_job
@_json
@server_option
@token_option
def watch(job_id: int, as_json: bool, server: str | None, token: str | None) -> None:
    """Show the progress of job ID until it ends or is paused."""
    with connected(server, token) as api:
        job = follow(api, job_id, quiet=as_json)
    click.echo(json.dumps(job, indent=2) if as_json else _line(job))


@jobs.command()
@_job
@server_option
@token_option
def pause(job_id: int, server: str | None, token: str | None) -> None:
    """Stand still; uploads go on."""
    _act(job_id, "pause", server, token)


@jobs.command()
@_job
@server_option
@token_option
def resume(job_id: int, server: str | None, token: str | None) -> None:
    """Go on."""
    _act(job_id, "resume", server, token)


@jobs.command()
@_job
@server_option
@token_option
def cancel(job_id: int, server: str | None, token: str | None) -> None:
    """Give job ID up, with everything embedded so far."""
    _act(job_id, "cancel", server, token)


@jobs.command()
@_job
@_json
@server_option
@token_option
def failed(job_id: int, as_json: bool, server: str | None, token: str | None) -> None:
    """The photos that could not be embedded, and why."""
    photos: list[dict[str, Any]] = []
    with connected(server, token) as api:
        after: int | None = 0
        while after is not None:
            page = api.get(f"/jobs/{job_id}/failed", params={"after": after, "limit": _PAGE})
            photos += page["photos"]
            after = page["next"]
    if as_json:
        click.echo(json.dumps(photos, indent=2))
        return
    for photo in photos:
        skipped = " (skipped)" if photo["skipped"] else ""
        click.echo(f"{photo['photo_id']:8}  {photo['collection']}: {photo['filename']}{skipped}: {photo['reason']}")


@jobs.command()
@_job
@_photo
@server_option
@token_option
def retry(job_id: int, photo: int | None, server: str | None, token: str | None) -> None:
    """Try failed photos of job ID again."""
    _change_failed(job_id, photo, "retry", server, token)


@jobs.command()
@_job
@_photo
@server_option
@token_option
def skip(job_id: int, photo: int | None, server: str | None, token: str | None) -> None:
    """Leave failed photos of job ID out for good."""
    _change_failed(job_id, photo, "skip", server, token)


def follow(api: ApiClient, job_id: int, *, quiet: bool) -> dict[str, Any]:
    """Watch a job until it is no longer running, with a bar unless `quiet`; returns it as it is then."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}"))
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task(f"Job {job_id}", total=None, left="")
        while True:
            job = api.get(f"/jobs/{job_id}")
            ended = job["total"] - job["waiting"]
            bar.update(task, total=job["total"], completed=ended, left=_left(job))
            if job["state"] != "running":
                return job
            time.sleep(_SECONDS_BETWEEN_LOOKS)


def _act(job_id: int, action: str, server: str | None, token: str | None) -> None:
    with connected(server, token) as api:
        click.echo(_line(api.post(f"/jobs/{job_id}/{action}")))


def _change_failed(job_id: int, photo: int | None, action: str, server: str | None, token: str | None) -> None:
    which = f"/failed/{photo}" if photo else ""
    with connected(server, token) as api:
        changed = api.post(f"/jobs/{job_id}{which}/{action}")["photos"]
    click.echo(f"{changed} photos {'will be tried again' if action == 'retry' else 'are left out'}.")


def _line(job: dict[str, Any]) -> str:
    failures = f", {job['failed']} failed" if job["failed"] else ""
    skipped = f", {job['skipped']} skipped" if job["skipped"] else ""
    return (
        f"{job['id']:4}  {job['state']:9}  {job['photo_encoder']}: {job['done']} of {job['total']} photos"
        f"{failures}{skipped}{_left(job)}{_replaced(job)}"
    )


def _replaced(job: dict[str, Any]) -> str:
    """Also of a server that is not upgraded yet."""
    aside = job.get("set_aside")
    return f", for the damaged index set aside as {aside}" if aside else ""


def _left(job: dict[str, Any]) -> str:
    if job["state"] != "running" or job["seconds_left"] is None:
        return ""
    return f", {job['photos_per_second']:.1f} photos/s, {timedelta(seconds=round(job['seconds_left']))} left"
