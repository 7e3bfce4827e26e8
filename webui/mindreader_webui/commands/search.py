"""`mindreader search`: find photos by a sketch."""

from __future__ import annotations

import io
import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import click
from PIL import Image

from mindreader.text import repaired
from mindreader_webui.commands.client import connected, server_option, token_option

_RESULT_FIELDS = ("photo_id", "score", "filename", "collection", "category", "boxes", "also_in", "also_in_count")
_MOST_PLACES = 3


@click.command()
@click.argument("sketch", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many photos to show.")
@click.option(
    "--imaginary",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the imaginary image of the reading picked, or else the most likely, here.",
)
@click.option("--reading", type=click.IntRange(1), help="Search with this reading of the sketch, by its number.")
@click.option("--where-drawn", is_flag=True, help="Photos that have it where it is drawn, and as large, come first.")
@click.option(
    "--duplicates",
    type=click.Choice(["group", "all"]),
    default="group",
    show_default=True,
    help="Show copies of one picture as one photo, or each of them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@server_option
@token_option
def search(
    sketch: Path,
    limit: int,
    imaginary: Path | None,
    reading: int | None,
    where_drawn: bool,
    duplicates: str,
    as_json: bool,
    server: str | None,
    token: str | None,
) -> None:
    """Find the photos that SKETCH looks like: an image of a drawing, a photo of one on paper, or an SVG."""
    form = {"limit": str(limit)} | _unless_default(duplicates, where_drawn)
    with connected(server, token) as api:

        def ask(**more: Any) -> dict[str, Any]:
            sent = {"sketch": (repaired(sketch.name), sketch.read_bytes(), "application/octet-stream")}
            return api.post("/searches", files=sent, data={**form, **more})

        answer = ask()
        if reading is not None:
            answer = ask(reading=_photos_of(answer["readings"], reading))
    if imaginary:
        picked = [each for each in answer["readings"] if each["picked"]]
        _save((picked or answer["readings"])[0]["url"], imaginary)
    if as_json:
        click.echo(json.dumps(_as_json(answer), indent=2))
    else:
        _print(answer)
    if sentence := _nothing_to_find(answer):
        raise click.ClickException(sentence)


def _photos_of(readings: list[dict[str, Any]], number: int) -> list[str]:
    """What to send to pick the reading with this number, from 1.

    Raises:
        click.ClickException: there is none, or no photo it was read from.
    """
    if number > len(readings):
        raise click.ClickException(f"This sketch has {len(readings)} readings, from 1.")
    if not readings[number - 1]["photo_ids"]:
        raise click.ClickException("There are no photos that this sketch could be read from.")
    return [str(photo_id) for photo_id in readings[number - 1]["photo_ids"]]


def _unless_default(duplicates: str, where_drawn: bool) -> dict[str, str]:
    """A server that is not upgraded yet refuses these fields."""
    asked = {} if duplicates == "group" else {"duplicates": duplicates}
    return asked | {"place": "true"} if where_drawn else asked


def _nothing_to_find(answer: dict[str, Any]) -> str | None:
    """Why no photo could be found, whatever the sketch."""
    count = answer.get("searchable")  # a server that is not upgraded yet says nothing
    if count is None or count["indexed"]:
        return None
    if count["total"]:
        return f"None of the {count['total']} photos can be found yet: they are still being prepared. Try again soon."
    return "There are no photos to search in. `mindreader import DIR` brings some in."


def _print(answer: dict[str, Any]) -> None:
    if _nothing_to_find(answer):
        return
    click.echo(f"Answered by {answer['model_version']['name']}")
    if rebuilding := answer.get("rebuilding"):  # a server that is not upgraded yet says nothing
        click.echo(f"The photo index is being rebuilt: {rebuilding['done']} of {rebuilding['total']} photos are back.")
    if len(answer["readings"]) > 1:
        click.echo(f"It may show: {', '.join(_named(each, place) for place, each in enumerate(answer['readings'], 1))}")
    if answer["answerable"] is False:
        click.echo("Nothing like it is here. The nearest:")
    for place, result in enumerate(answer["results"], 1):
        label = f" ({result['category']})" if result["category"] else ""
        where = "".join(f", {_where(box)}" for box in result.get("boxes", ()))
        click.echo(f"{place:3}. {result['score']:.3f}  {result['collection']}: {result['filename']}{label}{where}")
        if result.get("also_in"):
            click.echo(f"            also in {_places(result)}")


def _named(reading: dict[str, Any], number: int) -> str:
    """A reading as one line has it: its category, or else a photo like it."""
    nearest = next((photo["filename"] for photo in reading["photos"]), "nothing known")
    name = reading["name"] or f"like {nearest}"
    return f"{number}. {name}{' (searched with)' if reading['picked'] else ''}"


def _where(box: dict[str, float]) -> str:
    """A region of a photo in words: which part of it, in per cent."""
    across, down = (
        f"{100 * box[one]:.0f}-{100 * box[other]:.0f}" for one, other in (("left", "right"), ("top", "bottom"))
    )
    return f"at {across} % from the left, {down} % from the top"


def _places(result: dict[str, Any]) -> str:
    """Where the copies of a photo are: the first few by name, of the others how many."""
    named = [f"{copy['collection']}: {copy['filename']}" for copy in result["also_in"][:_MOST_PLACES]]
    more = result["also_in_count"] - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _as_json(answer: dict[str, Any]) -> dict[str, object]:
    return {
        "model_version": answer["model_version"]["name"],
        "results": [
            {field: result[field] for field in _RESULT_FIELDS if field in result} for result in answer["results"]
        ],
        "readings": [
            {field: reading[field] for field in ("name", "picked", "photo_ids")} for reading in answer["readings"]
        ],
        "answerable": answer["answerable"],
        "timings_ms": answer["timings_ms"],
    }


def _save(data_url: str, path: Path) -> None:
    """Write a data: URL as the kind of image the file name asks for.

    Raises:
        click.ClickException: Pillow writes no such files.
    """
    image = Image.open(io.BytesIO(b64decode(data_url.split(",", 1)[1])))
    try:
        image.save(path)
    except ValueError:
        raise click.ClickException(f"{path.name}: use a name that ends in .png, .jpg or .webp.") from None
