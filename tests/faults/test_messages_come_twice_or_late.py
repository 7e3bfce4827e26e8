"""Every task is delivered twice, or seconds after it was sent, by the in-memory queue and by a real Redis."""

from __future__ import annotations

import pytest

from tests.support.gate import wrapped
from tests.support.invariants import check, settle
from tests.support.patrons import Patron
from tests.support.photos import write_photos


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "stores"),
    [
        pytest.param("late", "embedded", marks=pytest.mark.slow),
        ("twice", "services"),
        pytest.param("late", "services", marks=pytest.mark.slow),
        pytest.param("twice", "embedded", marks=pytest.mark.slow),
    ],
)
def test_photos_are_embedded_once_and_searches_answered(deploy, tmp_path, sketch_png, fault, stores):
    deployment = deploy(stores, **wrapped(("delivery", fault)))
    with deployment.api() as api:
        patron = Patron(api)
        for first in range(0, 24, 12):
            assert patron.upload(write_photos(tmp_path / "photos", 12, first=first))
            assert patron.search(sketch_png) is not None
        patron.delete(min(patron.record.created))
        settle(deployment.settings)
        assert patron.found(sketch_png, 50) == set(patron.record.present)
    deployment.stop()
    check(deployment.settings, patron.record)
