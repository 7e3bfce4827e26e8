"""Which files only go with photos, and which lies beside which; `tests/javascript/sidecars.test.mjs` asks the pages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mindreader.library.files.sidecars import goes_with_photos, kind_of, takeout_names, xmp_names

TABLE = json.loads((Path(__file__).parents[3] / "support" / "sidecars.json").read_text())


def lower(names):
    return {name.lower() for name in names}


@pytest.mark.parametrize(("name", "kind"), TABLE["companions"].items())
def test_what_only_goes_with_photos(name, kind):
    assert goes_with_photos(name)
    assert kind_of(name) == kind


@pytest.mark.parametrize("name", TABLE["photos"])
def test_what_may_be_a_photo(name):
    assert not goes_with_photos(name)


@pytest.mark.parametrize(("photo", "names"), TABLE["beside"].items())
def test_what_lies_beside_a_photo(photo, names):
    xmp, takeout = lower(xmp_names(photo)), lower(takeout_names(photo))
    assert lower(names["xmp"]) <= xmp
    assert lower(names["takeout"]) <= takeout
    assert not lower(names["others"]) & (xmp | takeout)
