"""Icons become sketches of the categories they show, and each says where it is from."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from mindreader.errors import InvalidInputError
from mindreader_training.commands import icon_sketches
from mindreader_training.data.icons import find_icons, icon_sketch
from mindreader_training.data.layouts import folder_items, read_dataset

LINES = '<circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1"/>'
SURFACE = '<circle cx="8" cy="8" r="6" fill="currentColor"/>'
PICTURE = '<circle cx="8" cy="8" r="6" fill="#e33"/><circle cx="8" cy="8" r="2" fill="#22c"/>'


def svg(body):
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="424" height="424" viewBox="0 0 16 16">{body}</svg>'


@pytest.fixture
def package(tmp_path):
    """Two icon sets of the layout of @iconify/json, and three that nothing is taken of."""

    def write(name, icons, licence="MIT"):
        info = {"license": {"spdx": licence}, "author": {"name": "Ada"}}
        bodies = {icon: {"body": body} for icon, body in icons.items()}
        held = {"info": info, "icons": bodies, "width": 16, "height": 16}
        (tmp_path / "package" / "json" / f"{name}.json").write_text(json.dumps(held))

    (tmp_path / "package" / "json").mkdir(parents=True)
    write("lines", {"owl": LINES, "animal-owl-outline-24": PICTURE, "owls": LINES, "hidden-owl": LINES})
    write("more", {"pear-filled": SURFACE, "owl-thin": LINES})
    write("shared-alike", {"owl": LINES}, licence="CC-BY-SA-4.0")
    write("logos", {"owl": LINES})
    return tmp_path / "package"


def test_names_are_compared_without_their_style(package):
    found = {(icon.collection, icon.name, icon.category) for icon in find_icons(package, ["owl", "pear"])}
    assert found == {
        ("lines", "owl", "owl"),
        ("lines", "animal-owl-outline-24", "owl"),
        ("more", "owl-thin", "owl"),
        ("more", "pear-filled", "pear"),
    }


def test_no_category_means_no_icon(package):
    assert {icon.category for icon in find_icons(package, ["pear"])} == {"pear"}


@pytest.mark.parametrize("body", [LINES, SURFACE, PICTURE], ids=["lines", "surface", "picture"])
def test_whatever_its_style_an_icon_becomes_lines(body):
    sketch = icon_sketch(svg(body))
    assert sketch is not None
    assert sketch.shape == (256, 256)
    ink = sketch < 128
    assert 0.005 < ink.mean() < 0.15
    rows, columns = np.nonzero(ink)
    distance = np.hypot(rows - 127.5, columns - 127.5)
    outer = 6 / 16 * (256 - 44)
    assert np.abs(distance - outer).min() < 4, "the circle's edge is drawn"
    assert not ((distance > outer * 0.5) & (distance < outer * 0.85)).any(), "what lies within it is not"


WHITE = SURFACE.replace("currentColor", "#fff")


@pytest.mark.parametrize("body", ["", WHITE, "<no"], ids=["empty", "white", "torn"])
def test_an_icon_that_shows_nothing_is_none(body):
    assert icon_sketch(svg(body)) is None


def test_they_are_written_with_their_sources_and_once_each(package, drawn_data, tmp_path):
    rows = drawn_data / "meta.csv"
    data = tmp_path / "data"
    data.mkdir()
    (data / "meta.csv").write_text(rows.read_text().replace("ball", "owl").replace("box", "pear"))
    (data / "pairs.csv").write_text("sketch,photo\n")
    result = CliRunner().invoke(icon_sketches, [str(package), str(tmp_path / "icons"), "--data", str(data)])
    assert result.exit_code == 0, result.output
    with (tmp_path / "icons" / "icons.csv").open() as table:
        written = list(csv.DictReader(table))
    assert [(row["file"], row["licence"], row["author"]) for row in written] == [
        ("owl/lines-owl.png", "MIT", "Ada"),
        ("owl/lines-animal-owl-outline-24.png", "MIT", "Ada"),
        ("pear/more-pear-filled.png", "MIT", "Ada"),
    ], "the two owls of lines are one"
    assert Image.open(tmp_path / "icons" / "owl" / "lines-owl.png").size == (256, 256)
    again = CliRunner().invoke(icon_sketches, [str(package), str(tmp_path / "icons"), "--data", str(data)])
    assert again.exit_code != 0
    assert "is there already" in again.output


def test_a_folder_that_is_no_icon_package_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="no unpacked @iconify/json"):
        list(find_icons(tmp_path, ["owl"]))
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "lines.json").write_text("[]")
    with pytest.raises(InvalidInputError, match=r"lines\.json is no icon set"):
        list(find_icons(tmp_path, ["owl"]))


def test_further_sketches_join_a_data_set_without_pairs(drawn_data, tmp_path):
    dataset = read_dataset(drawn_data, "train")
    for category in ("ball", "ship"):
        (tmp_path / "icons" / category).mkdir(parents=True)
        Image.new("L", (64, 64), 255).save(tmp_path / "icons" / category / "one.png")
    items = folder_items(tmp_path / "icons", source="icons")
    joined = dataset.with_sketches(items)
    assert [item.category for item in joined.sketches[len(dataset.sketches) :]] == ["ball"]
    assert list(joined.pairs) == [*dataset.pairs, -1]
    assert joined.categories == dataset.categories
    with pytest.raises(InvalidInputError, match="None of the further sketches"):
        dataset.with_sketches([item for item in items if item.category == "ship"])
