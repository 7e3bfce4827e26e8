import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import select, update

from mindreader.blobs import BlobStore
from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.bundles.store import BundleStore
from mindreader.catalog import Embedding, EmbeddingSpace, ModelVersion
from mindreader.embedding.spaces import drop_requested, open_space
from mindreader.errors import ConflictError, InvalidInputError, NotFoundError, NotReadyError
from mindreader.messages import SmokeTest
from mindreader.model_versions import registry as models
from mindreader.networks.descriptions import SpaceDescription, encoder_description
from tests.support.bundles import register_and_open, write_untrained_bundle
from tests.support.library import add_collection, add_photos, jpeg


def register(catalog, bundle):
    with catalog.transaction() as session:
        return models.register_bundle(session, bundle)


@pytest.fixture
def opened(catalog, blobs, settings):
    return lambda bundle: register_and_open(catalog, blobs, settings, bundle)


@pytest.fixture
def kept(blobs, settings):
    return models.bundle_store(settings, blobs)


def active_ids(catalog):
    with catalog.snapshot() as session:
        return session.scalars(select(ModelVersion.id).where(ModelVersion.active)).all()


def test_registering_makes_the_space_known_and_embeds_nothing(catalog, make_bundle):
    version = register(catalog, make_bundle("first"))
    with catalog.snapshot() as session:
        space = session.get(EmbeddingSpace, version.space_id)
    described = SpaceDescription(encoder_description("efficientnet-lite0"))
    assert (space.key, space.dimension) == (described.key, described.dimension)
    assert SpaceDescription.from_json(space.description) == described
    assert version.metrics == [{"precision@20": 0.5}]
    assert not version.active
    assert space.opened_at is None


def test_registering_twice_gives_the_same_version(catalog, make_bundle):
    bundle = make_bundle("first")
    assert register(catalog, bundle).id == register(catalog, bundle).id


def test_many_processes_may_register_at_once(any_catalog, make_bundle):
    bundle = make_bundle("first")
    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(lambda _: register(any_catalog, bundle).id, range(4)))
    assert len(ids) == 1


def test_versions_of_one_space_share_it(catalog, make_bundle):
    first, second = register(catalog, make_bundle("first")), register(catalog, make_bundle("second"))
    assert first.id != second.id
    assert first.space_id == second.space_id


def test_nothing_is_active_at_first(catalog, make_bundle):
    register(catalog, make_bundle("first"))
    with catalog.snapshot() as session:
        assert models.active_version(session) is None
        assert models.active_space_id(session) is None


def test_activating_switches_from_one_to_the_other_and_back(catalog, opened, make_bundle):
    versions = [opened(make_bundle("first")), opened(make_bundle("second", "efficientnet-lite2"))]
    for chosen in (versions[0], versions[1], versions[0], versions[0]):
        with catalog.transaction() as session:
            models.activate(session, chosen.id)
        assert active_ids(catalog) == [chosen.id]
    never = opened(make_bundle("third"))
    with catalog.snapshot() as session:
        active = models.active_version(session)
        used = [session.get_one(ModelVersion, version.id).activated_at for version in versions]
        assert session.get_one(ModelVersion, never.id).activated_at is None
    assert active is not None
    assert all(used)
    assert active.space.photo_encoder == "efficientnet-lite0"


def test_activations_at_once_leave_one_active(any_catalog, blobs, settings, make_bundle):
    names = ("first", "second", "third")
    ids = [register_and_open(any_catalog, blobs, settings, make_bundle(name)).id for name in names]

    def activate(model_version_id):
        with any_catalog.transaction() as session:
            models.activate(session, model_version_id)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(activate, ids * 4))
    assert len(active_ids(any_catalog)) == 1


def test_an_unknown_version_is_not_activated(catalog, opened, make_bundle):
    version = opened(make_bundle("first"))
    with catalog.transaction() as session:
        models.activate(session, version.id)
    with pytest.raises(NotFoundError), catalog.transaction() as session:
        models.activate(session, 999)
    assert active_ids(catalog) == [version.id]


def test_a_space_that_is_not_built_is_not_switched_to(catalog, opened, make_bundle):
    old = opened(make_bundle("first"))
    with catalog.transaction() as session:
        models.activate(session, old.id)
    new = register(catalog, make_bundle("second", "efficientnet-lite2"))
    with pytest.raises(ConflictError, match="Build it first"), catalog.transaction() as session:
        models.activate(session, new.id, incomplete=True)
    assert active_ids(catalog) == [old.id]


def test_a_space_that_is_not_finished_is_switched_to_on_purpose_only(catalog, blobs, settings, opened, make_bundle):
    add_photos(catalog, blobs, settings, add_collection(catalog), [jpeg(1), jpeg(2)])
    version = opened(make_bundle("first"))
    with pytest.raises(ConflictError, match="would not be found: 2 of 2"), catalog.transaction() as session:
        models.activate(session, version.id)
    with catalog.transaction() as session:
        assert models.activate(session, version.id, incomplete=True).active


def test_photos_that_failed_do_not_keep_a_version_from_answering(catalog, blobs, settings, opened, make_bundle):
    add_photos(catalog, blobs, settings, add_collection(catalog), [jpeg(1)])
    version = opened(make_bundle("first"))
    with catalog.transaction() as session:
        session.execute(update(Embedding).values(state="failed", error="broken"))
        assert models.activate(session, version.id).active


def test_the_first_bundle_answers_at_once_and_a_newer_one_waits_to_be_chosen(catalog, kept, make_bundle):
    first = models.install(catalog, kept, make_bundle("first"))
    assert active_ids(catalog) == [first.id]
    newer = models.install(catalog, kept, make_bundle("second", "efficientnet-lite2"))
    assert active_ids(catalog) == [first.id]
    assert newer.space.opened_at is None


def test_a_version_s_bundle_is_kept_whatever_becomes_of_its_folder(catalog, kept, make_bundle):
    bundle = make_bundle("first")
    version = models.install(catalog, kept, bundle)
    shutil.rmtree(bundle.folder)
    assert kept.read(version.bundle_sha256, version.name).manifest == bundle.manifest


def test_a_kept_bundle_that_is_damaged_is_named_and_mended_by_adding_it_again(catalog, kept, make_bundle):
    bundle = make_bundle("first")
    version = models.install(catalog, kept, bundle)
    path = kept.read(version.bundle_sha256, "first").weights("generator.safetensors")
    path.write_bytes(b"damaged")
    with pytest.raises(NotReadyError, match="Add the same bundle again"):
        kept.read(version.bundle_sha256, version.name)
    models.install(catalog, kept, bundle)
    assert kept.read(version.bundle_sha256, version.name)
    path.unlink()
    with pytest.raises(NotReadyError, match="first"):
        kept.read(version.bundle_sha256, version.name)


def test_a_worker_elsewhere_fetches_a_bundle_once(tmp_path, make_bundle):
    remote = BlobStore(f"memory://{tmp_path.name}")
    bundle = make_bundle("first")
    BundleStore(remote, tmp_path / "here").keep(bundle)
    there = BundleStore(remote, tmp_path / "there")
    assert there.read(bundle.sha256, "first").folder.parent == tmp_path / "there"
    for key in list(remote.keys("bundles")):
        remote.delete(key)
    assert there.read(bundle.sha256, "first").manifest == bundle.manifest
    there.remove(bundle.sha256)
    with pytest.raises(NotReadyError, match="cannot be read"):
        there.read(bundle.sha256, "first")


def test_the_active_version_is_not_removed(catalog, kept, make_bundle):
    version = models.install(catalog, kept, make_bundle("first"))
    with pytest.raises(ConflictError, match="answers searches now"), catalog.transaction() as session:
        models.remove_version(session, version.id)


def test_removing_the_last_version_of_a_space_drops_it(catalog, kept, opened, indexes, make_bundle):
    models.install(catalog, kept, make_bundle("first"))
    second, third = (opened(make_bundle(name, "efficientnet-lite2")) for name in ("second", "third"))
    with catalog.transaction() as session:
        assert not models.remove_version(session, second.id).space_dropped
    with catalog.transaction() as session:
        assert models.remove_version(session, third.id).space_dropped
    assert drop_requested(catalog, indexes) == [third.space.key]
    with catalog.snapshot() as session:
        assert session.scalars(select(EmbeddingSpace.photo_encoder)).all() == ["efficientnet-lite0"]


def test_registering_needs_no_torch():
    code = (
        "import sys, mindreader.model_versions.registry, mindreader.library.files.upload; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_photos_of_a_projected_space_find_its_projection_in_any_of_its_bundles(catalog, kept, opened, tmp_path):
    first = write_untrained_bundle(tmp_path / "first", name="first")
    second = first.folder.with_name("second")
    shutil.copytree(first.folder, second)
    _rename(second, "second")
    versions = [opened(read_bundle(folder)) for folder in (first.folder, second)]
    kept.remove(versions[0].bundle_sha256)
    with catalog.snapshot() as session:
        space = session.get(EmbeddingSpace, versions[0].space_id)
        found = models.photo_projection(session, kept, space)
        assert found is not None
        assert found.read_bytes() == (second / "photo_projection.safetensors").read_bytes()
        kept.remove(versions[1].bundle_sha256)
        with pytest.raises(NotReadyError, match="cannot be embedded in space"):
            models.photo_projection(session, kept, space)


def test_a_space_without_a_projection_needs_no_bundle(catalog, kept, make_bundle):
    version = register(catalog, make_bundle("first"))
    with catalog.snapshot() as session:
        assert models.photo_projection(session, kept, session.get(EmbeddingSpace, version.space_id)) is None


# Regions


def add_regions(catalog, version, regions="grid6"):
    with catalog.transaction() as session:
        return models.add_regions(session, version.id, regions)


def test_a_version_with_regions_stands_beside_the_one_without(catalog, make_bundle):
    plain = register(catalog, make_bundle("first"))
    regional = add_regions(catalog, plain)
    with catalog.snapshot() as session:
        listed = models.versions(session)
        space = session.get(EmbeddingSpace, regional.space_id)
    assert [version.name for version in listed] == ["first · regions", "first"]
    assert regional.bundle_sha256 == plain.bundle_sha256
    assert (regional.active, regional.metrics) == (False, plain.metrics)
    assert space.opened_at is None, "nothing is embedded before somebody says so"
    assert (space.regions, space.has_regions) == ("grid6", True)
    described = SpaceDescription(encoder_description("efficientnet-lite0"), regions="grid6")
    assert SpaceDescription.from_json(space.description) == described
    assert space.key == described.key
    with catalog.snapshot() as session:
        assert models.addable_regions(session, models.version_by_id(session, regional.id)) == []
        assert "grid6" not in models.addable_regions(session, models.version_by_id(session, plain.id))


def test_regions_are_added_once(catalog, make_bundle):
    plain = register(catalog, make_bundle("first"))
    regional = add_regions(catalog, plain)
    with pytest.raises(ConflictError, match="first · regions"):
        add_regions(catalog, plain)
    with pytest.raises(ConflictError, match="has regions already"):
        add_regions(catalog, regional)


@pytest.mark.parametrize("regions", ["none", "grid99"])
def test_regions_nobody_knows_are_not_added(catalog, make_bundle, regions):
    plain = register(catalog, make_bundle("first"))
    with pytest.raises(InvalidInputError, match="grid6"):
        add_regions(catalog, plain, regions)
    with pytest.raises(NotFoundError), catalog.transaction() as session:
        models.add_regions(session, 999, "grid6")


def test_processes_that_add_regions_at_once_make_one_version(any_catalog, make_bundle):
    plain = register(any_catalog, make_bundle("first"))

    def add(_):
        with suppress(ConflictError):
            return add_regions(any_catalog, plain).id

    with ThreadPoolExecutor(4) as pool:
        made = [each for each in pool.map(add, range(4)) if each is not None]
    assert len(made) == 1


def test_a_long_name_gets_the_ending_too(catalog, make_bundle):
    plain = register(catalog, make_bundle("n" * 100))
    assert add_regions(catalog, plain).name == "n" * 75 + " · regions"


def test_versions_of_several_bundles_share_a_space_with_regions(catalog, make_bundle):
    first, second = (add_regions(catalog, register(catalog, make_bundle(name))) for name in ("first", "second"))
    assert first.space_id == second.space_id


def test_what_a_trial_measures_holds_for_the_space_with_regions_too(catalog, make_bundle):
    bundle = make_bundle("first")
    plain = register(catalog, bundle)
    regional = add_regions(catalog, plain)
    with catalog.transaction() as session:
        trial = SmokeTest(photos_per_second=30.0, encoder_bytes=1000, device="cpu")
        assert models.register_bundle(session, bundle, trial).id == plain.id
    with catalog.snapshot() as session:
        space = session.get(EmbeddingSpace, regional.space_id)
        assert (space.photos_per_second, space.encoder_bytes) == (30.0, 1000)


def test_switching_to_regions_and_back(catalog, kept, make_bundle):
    plain = models.install(catalog, kept, make_bundle("first"))
    regional = add_regions(catalog, plain)
    with pytest.raises(ConflictError, match="Build it first"), catalog.transaction() as session:
        models.activate(session, regional.id)
    with catalog.transaction() as session:
        open_space(session, regional.space_id)
    for chosen in (regional, plain):
        with catalog.transaction() as session:
            models.activate(session, chosen.id)
        assert active_ids(catalog) == [chosen.id]


def test_a_bundle_s_files_stay_while_another_version_uses_them(catalog, kept, indexes, make_bundle):
    bundle = make_bundle("first")
    plain = models.install(catalog, kept, bundle)
    regional = add_regions(catalog, plain)
    with catalog.transaction() as session:
        removed = models.remove_version(session, regional.id)
    assert (removed.bundle_unused, removed.space_dropped) == (False, True)
    assert drop_requested(catalog, indexes) == [regional.space.key]
    regional = add_regions(catalog, plain)
    with catalog.transaction() as session:
        open_space(session, regional.space_id)
        models.activate(session, regional.id)
        assert not models.remove_version(session, plain.id).bundle_unused
    again = register(catalog, bundle)
    assert again.id != regional.id
    assert not again.space.has_regions


def test_the_last_version_of_a_bundle_leaves_it_unused(catalog, kept, make_bundle):
    models.install(catalog, kept, make_bundle("first"))
    second = register(catalog, make_bundle("second", "efficientnet-lite2"))
    with catalog.transaction() as session:
        assert models.remove_version(session, second.id).bundle_unused


def test_a_new_installation_may_begin_with_regions(catalog, kept, make_bundle):
    bundle = make_bundle("first")
    version = models.install(catalog, kept, bundle, "grid6")
    assert version.space.regions == "grid6"
    assert version.space.opened_at is not None
    assert active_ids(catalog) == [version.id]
    models.install(catalog, kept, bundle, "grid6")
    with catalog.snapshot() as session:
        assert [each.name for each in models.versions(session)] == ["first · regions", "first"]
        assert [each.space.opened_at is not None for each in models.versions(session)] == [True, False]


def test_a_new_installation_begins_with_the_best_regions_its_model_can_have(catalog, kept, make_bundle):
    """No anchors come with MindReader for this space, so that `corners6`, which needs some, is not for it."""
    assert models.install(catalog, kept, make_bundle("first"), "auto").space.regions == "grid6"


def test_the_default_bundle_begins_with_anchored_regions(catalog, kept):
    assert models.install(catalog, kept, read_bundle(default_bundle_folder()), "auto").space.regions == "corners6"


def test_int8_is_added_beside_both_and_says_so_in_its_name(catalog, kept):
    regional = models.install(catalog, kept, read_bundle(default_bundle_folder()), "auto")
    with catalog.snapshot() as session:
        (plain,) = (each for each in models.versions(session) if not each.space.has_regions)
        assert "corners6-int8" in models.addable_regions(session, plain)
    added = add_regions(catalog, plain, "corners6-int8")
    assert added.name == f"{plain.name} · int8"
    assert added.space.regions == "corners6-int8"
    assert added.space_id not in (plain.space_id, regional.space_id)


def test_regions_a_space_cannot_have_are_not_added(catalog, make_bundle):
    plain = register(catalog, make_bundle("first"))
    with pytest.raises(InvalidInputError, match=r"cannot have regions corners6.*grid6"):
        add_regions(catalog, plain, "corners6")


def test_a_newer_bundle_can_answer_at_once_in_the_space_with_regions_that_is_open(catalog, kept, make_bundle):
    active = models.install(catalog, kept, make_bundle("first"), "grid6")
    newer = make_bundle("newer")
    models.install(catalog, kept, newer, "grid6")
    with catalog.transaction() as session:
        names = {
            version.name: version.id for version in models.versions(session) if version.space_id == active.space_id
        }
        assert names.keys() == {"first · regions", "newer · regions"}
        models.activate(session, names["newer · regions"])
    models.install(catalog, kept, newer, "grid6")
    assert active_ids(catalog) == [names["newer · regions"]]
    with catalog.snapshot() as session:
        assert len(models.versions(session)) == 4, "a later start adds nothing"


def test_later_starts_open_no_space_with_regions(catalog, kept, make_bundle):
    models.install(catalog, kept, make_bundle("first"))
    models.install(catalog, kept, make_bundle("first"), "grid6")
    with catalog.snapshot() as session:
        assert [each.name for each in models.versions(session)] == ["first"]


def test_photos_of_a_projected_space_with_regions_find_its_projection(catalog, kept, opened, tmp_path):
    plain = opened(write_untrained_bundle(tmp_path / "first", name="first"))
    regional = add_regions(catalog, plain)
    with catalog.snapshot() as session:
        space = session.get(EmbeddingSpace, regional.space_id)
        assert models.photo_projection(session, kept, space) is not None


def _rename(folder, name):
    manifest = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(manifest | {"name": name}))
