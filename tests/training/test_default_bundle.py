"""The bundle that ships: it loads, says where it comes from, and finds what it found when it was made."""

import pytest

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.inference.engines.choose import choose_engine
from mindreader.inference.engines.torch_engine import TorchEngine
from mindreader.inference.smoke import check_bundle
from mindreader_training.data.protocols import protocol
from mindreader_training.evaluation.golden import check_golden, top_photos
from mindreader_training.export import model_card

CPU = TorchEngine.on("cpu", "float32")
LARGEST = 32 * 2**20


@pytest.fixture(scope="module")
def shipped():
    return read_bundle(default_bundle_folder())


def test_it_loads_as_the_server_loads_it(shipped):
    found = check_bundle(shipped, CPU)
    assert found.image_size == 128
    assert found.dimension == shipped.space.dimension == 256


def test_it_stays_small(shipped):
    assert sum(file.stat().st_size for file in shipped.folder.iterdir()) <= LARGEST


def test_its_card_is_the_one_its_manifest_gives(shipped):
    assert (shipped.folder / "model_card.md").read_text() == model_card(shipped.manifest)


def test_its_record_says_how_to_make_it_again_and_on_what_terms(shipped):
    training = shipped.manifest.training
    assert training.command.startswith("mindreader train --preset long --space default")
    assert "; mindreader bundle average" in training.command
    assert training.hours > 0
    assert "research use only" in training.data


@pytest.fixture(params=["torch", "openvino"])
def engine(request, settings):
    asked = {"engine": request.param, "device": "cpu", "precision": "float32"}
    return choose_engine(settings.model_copy(update=asked)).load()


def test_it_ranks_the_photos_it_found_as_it_did_when_it_was_made(shipped, real_data, engine):
    """The golden results in a gallery of their own photos: whatever else there is, it was further away."""
    golden = shipped.manifest.golden
    found = {path for record in golden for path in record.found}
    dataset = protocol(real_data, "dev", shipped.manifest.training.seed).dataset.only(
        lambda item: str(item.path.relative_to(real_data)) in found | {record.sketch for record in golden}
    )
    ranked = top_photos(shipped, real_data, dataset, [record.sketch for record in golden], engine)
    for record, now in zip(golden, ranked, strict=True):
        assert now[0] == record.found[0]
        assert len({*now} & {*record.found}) >= 4  # two at nearly the same distance may change places


@pytest.mark.slow
def test_it_finds_what_it_found_when_it_was_made(shipped, real_data, engine):
    assert "3 golden results" in check_golden(shipped, real_data, engine)
