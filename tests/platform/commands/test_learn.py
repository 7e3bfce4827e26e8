"""`mindreader train --library`, in the foreground, on an installation whose server does not run."""

import sys

import pytest

from mindreader.catalog import Catalog
from mindreader.learning.trainings import pause_training, start_training, training_by_id
from mindreader.model_versions.registry import active_version, versions
from tests.platform.learning.conftest import few_photos_are_enough, library  # noqa: F401
from tests.support.quick_learning import MINIATURE, STEPS
from tests.support.server import mindreader

QUICK = [sys.executable, "-m", "tests.support.quick_learning"]


@pytest.fixture
def at_rest(catalog, indexes, settings, library):  # noqa: F811
    """The library, which no other process has open."""
    indexes.close()
    catalog.close()
    return library


def train(settings, *options, status=0):
    options += tuple(word for change in MINIATURE for word in ("--set", change))
    return mindreader(settings.data_dir, "train", "--library", *options, command=QUICK, status=status)["printed"]


@pytest.mark.parametrize(
    "is_paused", [pytest.param(True, id="paused"), pytest.param(False, id="anew", marks=pytest.mark.slow)]
)
def test_it_ends_as_a_version_beside_the_active_one(at_rest, settings, is_paused):
    """One that is paused is gone on with only when that is said."""
    if is_paused:
        pause_one(settings)
        assert "--resume goes on with it" in train(settings, status=1)
    printed = train(settings, *(["--resume"] if is_paused else []))
    assert "stands beside the active one. It does not answer before you switch to it" in printed
    assert "library: mean average precision" in printed
    catalog = Catalog(settings.catalog_url)
    with catalog.snapshot() as session:
        made, first = versions(session)
        assert active_version(session) is first
        assert (made.name, made.space_id) == ("untrained · library 1", first.space_id)
        training = training_by_id(session, 1)
    catalog.close()
    assert (training.state, training.steps) == ("completed", STEPS)
    assert "no training is there" in train(settings, "--resume", status=1).lower()


def pause_one(settings):
    catalog = Catalog(settings.catalog_url)
    with catalog.transaction() as session:
        start_training(session, None)
        pause_training(session)
    catalog.close()


def test_while_a_server_runs_it_says_so(at_rest, settings):
    from mindreader.host.locks import exclusive_lock

    with exclusive_lock(settings):
        assert "already open" in train(settings, status=1)


def test_a_library_that_is_too_small_is_refused(settings, catalog):
    catalog.close()
    assert "No model version is active" in train(settings, status=1)
