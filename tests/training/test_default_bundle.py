"""The bundle that ships: it loads, says where it comes from, and finds what it found when it was made."""

import pytest

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.networks.compute import choose_compute
from mindreader_training.evaluation.golden import check_golden, try_bundle
from mindreader_training.export import model_card

CPU = choose_compute("cpu", "float32")
LARGEST = 32 * 2**20


@pytest.fixture(scope="module")
def shipped():
    return read_bundle(default_bundle_folder())


def test_it_loads_as_the_server_loads_it(shipped):
    assert shipped.manifest.name in try_bundle(shipped, CPU)


def test_it_stays_small(shipped):
    assert sum(file.stat().st_size for file in shipped.folder.iterdir()) <= LARGEST


def test_its_card_is_the_one_its_manifest_gives(shipped):
    assert (shipped.folder / "model_card.md").read_text() == model_card(shipped.manifest)


def test_its_record_says_how_to_make_it_again_and_on_what_terms(shipped):
    training = shipped.manifest.training
    assert training.command.startswith("mindreader train --preset small")
    assert training.hours > 0
    assert "research use only" in training.data


def test_it_finds_what_it_found_when_it_was_made(shipped, real_data):
    assert "3 golden results" in check_golden(shipped, real_data, CPU)
