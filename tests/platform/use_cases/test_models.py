import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select
from support.bundles import write_untrained_bundle
from support.library import add_collection, add_photos, jpeg

from mindreader.bundles import default_bundle_folder, read_bundle
from mindreader.catalog import Embedding, EmbeddingSpace, ModelVersion
from mindreader.errors import NotFoundError, NotReadyError
from mindreader.networks.descriptions import SpaceDescription, encoder_description
from mindreader.use_cases import models


def register(catalog, bundle):
    with catalog.transaction() as session:
        return models.register_bundle(session, bundle)


def active_ids(catalog):
    with catalog.snapshot() as session:
        return session.scalars(select(ModelVersion.id).where(ModelVersion.active)).all()


def test_registering_opens_the_space_of_the_bundle(catalog, make_bundle):
    version = register(catalog, make_bundle("first"))
    with catalog.snapshot() as session:
        space = session.get(EmbeddingSpace, version.space_id)
    described = SpaceDescription(encoder_description("efficientnet-lite0"))
    assert (space.key, space.dimension) == (described.key, described.dimension)
    assert SpaceDescription.from_json(space.description) == described
    assert version.metrics == [{"precision@20": 0.5}]
    assert not version.active


def test_registering_twice_gives_the_same_version(catalog, make_bundle):
    bundle = make_bundle("first")
    assert register(catalog, bundle).id == register(catalog, bundle).id


def test_many_processes_may_register_at_once(any_catalog, make_bundle):
    bundle = make_bundle("first")
    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(lambda _: register(any_catalog, bundle).id, range(4)))
    assert len(ids) == 1


def test_a_bundle_that_moved_is_found_at_its_new_place(catalog, make_bundle, tmp_path):
    old = register(catalog, make_bundle("first"))
    new = register(catalog, make_bundle("first", folder=tmp_path / "elsewhere"))
    assert old.id == new.id
    assert models.bundle_folder(new) == (tmp_path / "elsewhere").resolve()


def test_versions_of_one_space_share_it(catalog, make_bundle):
    first, second = register(catalog, make_bundle("first")), register(catalog, make_bundle("second"))
    assert first.id != second.id
    assert first.space_id == second.space_id


def test_a_new_space_queues_every_photo_that_is_there(catalog, blobs, settings, make_bundle):
    photos = add_photos(catalog, blobs, settings, add_collection(catalog), [jpeg(1), jpeg(2)])
    version = register(catalog, make_bundle("first"))
    with catalog.snapshot() as session:
        rows = session.scalars(select(Embedding).where(Embedding.space_id == version.space_id)).all()
    assert {row.photo_id for row in rows} == set(photos)
    assert {(row.state, row.priority, row.attempts) for row in rows} == {("pending", 0, 0)}


def test_another_version_of_a_space_queues_nothing(catalog, blobs, settings, make_bundle):
    register(catalog, make_bundle("first"))
    add_photos(catalog, blobs, settings, add_collection(catalog), [jpeg(1)])
    register(catalog, make_bundle("second"))
    with catalog.snapshot() as session:
        assert session.scalar(select(func.count()).select_from(Embedding)) == 1


def test_spaces_in_use_are_those_of_all_versions(catalog, make_bundle):
    versions = [
        register(catalog, make_bundle("first")),
        register(catalog, make_bundle("second")),
        register(catalog, make_bundle("third", "efficientnet-lite2")),
    ]
    with catalog.snapshot() as session:
        assert models.spaces_in_use(session) == sorted({version.space_id for version in versions})


def test_nothing_is_active_at_first(catalog, make_bundle):
    register(catalog, make_bundle("first"))
    with catalog.snapshot() as session:
        assert models.active_version(session) is None
        assert models.active_space_id(session) is None


def test_activating_switches_from_one_to_the_other_and_back(catalog, make_bundle):
    versions = [register(catalog, make_bundle("first")), register(catalog, make_bundle("second", "efficientnet-lite2"))]
    for chosen in (versions[0], versions[1], versions[0], versions[0]):
        with catalog.transaction() as session:
            models.activate(session, chosen.id)
        assert active_ids(catalog) == [chosen.id]
    with catalog.snapshot() as session:
        active = models.active_version(session)
    assert active.space.photo_encoder == "efficientnet-lite0"


def test_activations_at_once_leave_one_active(any_catalog, make_bundle):
    ids = [register(any_catalog, make_bundle(name)).id for name in ("first", "second", "third")]

    def activate(model_version_id):
        with any_catalog.transaction() as session:
            models.activate(session, model_version_id)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(activate, ids * 4))
    assert len(active_ids(any_catalog)) == 1


def test_an_unknown_version_is_not_activated(catalog, make_bundle):
    version = register(catalog, make_bundle("first"))
    with catalog.transaction() as session:
        models.activate(session, version.id)
    with pytest.raises(NotFoundError), catalog.transaction() as session:
        models.activate(session, 999)
    assert active_ids(catalog) == [version.id]


def test_a_bundle_that_is_gone_is_named(catalog, make_bundle):
    bundle = make_bundle("first")
    version = register(catalog, bundle)
    (bundle.folder / "bundle.json").unlink()
    with pytest.raises(NotReadyError, match="first"):
        models.bundle_folder(version)


def test_another_bundle_in_its_place_is_never_taken_for_it(catalog, make_bundle, tmp_path):
    version = register(catalog, make_bundle("first"))
    make_bundle("second", folder=tmp_path / "first")
    with pytest.raises(NotReadyError, match="no longer holds"):
        models.bundle_folder(version)


def test_the_bundle_that_ships_is_found_wherever_mindreader_is_installed(catalog):
    if not (default_bundle_folder() / "bundle.json").exists():
        pytest.skip("the default bundle is not in this checkout: `make train-default`")
    version = register(catalog, read_bundle(default_bundle_folder()))
    assert str(default_bundle_folder()) not in version.bundle_path
    assert models.bundle_folder(version) == default_bundle_folder()


def test_registering_needs_no_torch():
    code = "import sys, mindreader.use_cases.models, mindreader.use_cases.ingest; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_photos_of_a_projected_space_find_its_projection_in_any_of_its_bundles(catalog, tmp_path):
    first = write_untrained_bundle(tmp_path / "first", name="first")
    second = first.folder.with_name("second")
    shutil.copytree(first.folder, second)
    _rename(second, "second")
    versions = [register(catalog, read_bundle(folder)) for folder in (first.folder, second)]
    shutil.rmtree(first.folder)
    with catalog.snapshot() as session:
        space = session.get(EmbeddingSpace, versions[0].space_id)
        assert models.photo_projection(session, space) == second.resolve() / "photo_projection.safetensors"
        shutil.rmtree(second)
        with pytest.raises(NotReadyError, match="cannot be embedded in space"):
            models.photo_projection(session, space)


def test_a_space_without_a_projection_needs_no_bundle(catalog, make_bundle):
    version = register(catalog, make_bundle("first"))
    with catalog.snapshot() as session:
        assert models.photo_projection(session, session.get(EmbeddingSpace, version.space_id)) is None


def _rename(folder, name):
    manifest = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(manifest | {"name": name}))
