"""A backup holds one moment of a MindReader that goes on working, and comes back into an empty one, on any database."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import Connection, MetaData, Table, create_engine, delete, func, inspect, select, text, update

from mindreader.backup import create as backup_module
from mindreader.backup import restore as restore_module
from mindreader.backup.create import back_up
from mindreader.backup.folder import BackupError, BackupFolder
from mindreader.backup.restore import restore
from mindreader.blobs import BlobStore, original_key, sketch_key
from mindreader.catalog import (
    Catalog,
    Embedding,
    EmbeddingSpace,
    Photo,
    Search,
    User,
    WorkerProcess,
    copying,
)
from mindreader.catalog.copying import copy_rows, read_snapshot
from mindreader.catalog.models import now
from mindreader.errors import ConflictError
from mindreader.host.locks import exclusive_lock
from mindreader.library.files.origins import Origin, OriginKind, note_origin
from mindreader.library.files.previews import made_preview
from mindreader.library.files.upload import add_photo
from mindreader.library.purge import purge_deleted
from mindreader.model_versions.registry import activate
from mindreader.operations.doctor import diagnose
from mindreader.photo_index import PhotoIndexes
from mindreader.settings import load_settings
from tests.support.bundles import register_and_open
from tests.support.library import add_collection, add_photos, jpeg
from tests.support.services import wait_until


def fill(catalog, blobs, settings, make_bundle, photos=4):
    """A small library with everything in it; returns the ids of its photos."""
    version = register_and_open(catalog, blobs, settings, make_bundle("first"))
    with catalog.transaction() as session:
        activate(session, version.id)
    ids = add_photos(catalog, blobs, settings, add_collection(catalog), [jpeg(i) for i in range(photos)])
    sketch = hashlib.sha256(b"a sketch").hexdigest()
    blobs.put(sketch_key(sketch), b"a sketch")
    with catalog.transaction() as session:
        note_origin(session, ids[0], Origin(OriginKind.IMMICH, "1", "https://immich.test/photos/1"))
        session.execute(update(Embedding).values(state="indexed", attempts=1))
        session.add(WorkerProcess(name="embed@here:1", queue="embed", device="cpu", last_task_at=now()))
        user = session.scalars(select(User)).one()
        session.add(
            Search(
                user_id=user.id,
                sketch_sha256=sketch,
                model_version_id=version.id,
                seeds=[1, 2],
                timings_ms={"total": 1.5},
            )
        )
    return ids


@pytest.fixture(scope="module")
def at_hand(tmp_path_factory):
    """Where a small library and a backup of it lie, once a test has made them."""
    return tmp_path_factory.mktemp("library")


@pytest.fixture
def photos(catalog, blobs, settings, make_bundle, at_hand):
    """The ids of a library's photos: it is made once, and each test has a copy."""
    if (at_hand / "data").exists():
        shutil.copytree(at_hand / "data", settings.data_dir, dirs_exist_ok=True)
    else:
        fill(catalog, blobs, settings, make_bundle)
        catalog.close()
        shutil.copytree(settings.data_dir, at_hand / "data")
    with catalog.snapshot() as session:
        return list(session.scalars(select(Photo.id).order_by(Photo.id)))


@pytest.fixture
def destination(tmp_path):
    return tmp_path / "backup"


@pytest.fixture
def elsewhere(tmp_path):
    """An empty MindReader."""
    return load_settings({"MINDREADER_DATA_DIR": str(tmp_path / "elsewhere")})


@pytest.fixture
def made(catalog, blobs, settings, photos, destination, at_hand):
    """A backup of the library."""
    if (at_hand / "backup").exists():
        shutil.copytree(at_hand / "backup", destination)
    else:
        back_up(catalog, blobs, settings, destination)
        shutil.copytree(destination, at_hand / "backup")
    return destination


def rows(catalog, without=("embedding", "worker_process")):
    """Every row of every table, as plain values."""
    tables = [name for name in inspect(catalog.engine).get_table_names() if name not in (*without, "alembic_version")]
    with catalog.engine.connect() as connection:
        return {name: sorted(map(repr, _plain(connection, name))) for name in sorted(tables)}


def _plain(connection, name):
    table = Table(name, MetaData(), autoload_with=connection)
    return [sorted(row.items()) for row in connection.execute(select(table)).mappings()]


def states(catalog):
    with catalog.snapshot() as session:
        return dict(session.execute(select(Embedding.state, func.count()).group_by(Embedding.state)).all())


def opened(settings):
    return Catalog(settings.catalog_url)


def digest(catalog, photo_id):
    with catalog.snapshot() as session:
        return session.get(Photo, photo_id).sha256


def findings(settings):
    catalog, indexes = opened(settings), PhotoIndexes(settings)
    try:
        return [
            finding.kind
            for finding in diagnose(catalog, BlobStore(settings.blobs_root), indexes, settings, repair=False)
        ]
    finally:
        indexes.close()
        catalog.close()


def damage(path: Path):
    """Other bytes, as many as before."""
    path.write_bytes(path.read_bytes()[::-1])


def kept(blobs: BlobStore):
    return {key: blobs.get(key) for key in list(blobs.keys())}


def contents(folder: Path):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- there and back ---------------------------------------------------------------------------------------------------


def test_a_restored_library_is_the_one_that_was_backed_up_and_is_embedded_again(
    catalog, blobs, settings, photos, destination, elsewhere
):
    report = back_up(catalog, blobs, settings, destination)
    assert (report.photos, report.to_embed, report.problems) == (4, 4, ())
    assert report.new_blobs == report.blobs == len(list(blobs.keys()))
    restored = restore(elsewhere, destination)
    assert (restored.photos, restored.to_embed, restored.lost) == (4, 4, ())
    there = opened(elsewhere)
    assert rows(there) == rows(catalog)
    assert states(there) == {"pending": 4}
    with there.snapshot() as session:
        assert set(session.execute(select(Embedding.attempts, Embedding.lease_until)).all()) == {(0, None)}
        assert session.scalars(select(WorkerProcess)).all() == []
    there.close()
    assert kept(BlobStore(elsewhere.blobs_root)) == kept(blobs)
    assert findings(elsewhere) == []


def test_the_manifest_says_what_is_in_it_and_no_secret_is(catalog, blobs, settings, photos, destination):
    settings.secrets_dir.mkdir(parents=True)
    (settings.secrets_dir / "local_token").write_text("mr_secret")
    back_up(catalog, blobs, settings, destination)
    manifest = json.loads((destination / "backup.json").read_text())
    assert manifest["schema_version"] == 1
    assert manifest["tables"]["photo"] == 4
    assert manifest["blobs"]["count"] == len(list(blobs.keys()))
    assert set(contents(destination)) >= {"backup.json", "catalog.sqlite3"}
    assert {path.name for path in destination.iterdir() if not path.name.startswith(".")} == {
        "backup.json",
        "catalog.sqlite3",
        "blobs",
    }
    assert not any(b"mr_secret" in content for content in contents(destination).values())


def test_failed_and_skipped_photos_keep_their_reason_and_leases_are_given_back(
    catalog, blobs, settings, photos, destination, elsewhere
):
    leased: dict[str, object] = {"state": "leased", "attempts": 2, "lease_owner": "w", "lease_until": now()}
    changes: list[dict[str, object]] = [{"state": "failed"}, {"state": "skipped"}, leased, {"state": "indexed"}]
    for photo, values in zip(photos, changes, strict=True):
        with catalog.transaction() as session:
            session.execute(update(Embedding).where(Embedding.photo_id == photo).values(error="broken", **values))
    assert back_up(catalog, blobs, settings, destination).to_embed == 2
    assert restore(elsewhere, destination).to_embed == 2
    there = opened(elsewhere)
    with there.snapshot() as session:
        found = session.execute(
            select(Embedding.state, Embedding.error, Embedding.lease_owner).order_by(Embedding.photo_id)
        ).all()
        assert found == [
            ("failed", "broken", None),
            ("skipped", "broken", None),
            ("pending", None, None),
            ("pending", None, None),
        ]
    there.close()


@pytest.mark.parametrize("there_and_back", [("sqlite", "postgresql"), ("postgresql", "sqlite")], ids="-".join)
def test_the_database_may_change(
    there_and_back, blobs, settings, make_bundle, tmp_path, elsewhere, destination, empty_postgres_url
):
    urls = {"sqlite": f"sqlite:///{tmp_path}/other.sqlite3", "postgresql": empty_postgres_url}
    source, target = (Catalog(urls[kind]) for kind in there_and_back)
    source.migrate()
    photos = fill(source, blobs, settings, make_bundle)
    with source.transaction() as session:
        session.execute(delete(Photo).where(Photo.id == photos[-1]))  # its id must never be given out again
    try:
        back_up(source, blobs, settings, destination)
        restore(elsewhere.model_copy(update={"database_url": urls[there_and_back[1]]}), destination)
        assert rows(target) == rows(source)
        assert states(target) == {"pending": 3}
        fresh = add_photos(target, blobs, settings, 1, [jpeg(99)])
        assert fresh[0] > photos[-1]
        assert add_collection(target, "Another") > 1
    finally:
        for catalog in (source, target):
            catalog.close()


def test_an_empty_json_field_stays_empty_and_not_the_word_null(tmp_path):
    source, target = (create_engine(f"sqlite:///{tmp_path}/{name}.sqlite3") for name in "ab")
    for engine in (source, target):
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE later (id INTEGER PRIMARY KEY AUTOINCREMENT, notes JSON, more JSON)"))
    with source.begin() as connection:
        connection.execute(text("INSERT INTO later VALUES (7, NULL, '{\"a\": 1}')"))
    with source.connect() as reading, target.begin() as writing:
        assert copy_rows(reading, writing) == {"later": 1}
        assert writing.execute(text("SELECT id, notes IS NULL, more FROM later")).all() == [(7, 1, '{"a": 1}')]


def test_tables_of_one_database_system_are_looked_up_once(catalog, tmp_path, migrated_file, monkeypatch):
    """It takes a sixth of a second."""
    looked: list[Connection] = []
    tables = copying._tables

    def look_up(connection, *names):
        looked.append(connection)
        return tables(connection, *names)

    monkeypatch.setattr(copying, "_tables", look_up)
    add_collection(catalog)
    shutil.copyfile(migrated_file, tmp_path / "other.sqlite3")
    target = create_engine(f"sqlite:///{tmp_path}/other.sqlite3")
    with catalog.engine.connect() as reading, target.begin() as writing:
        assert copy_rows(reading, writing)["collection"] == 1
        assert looked == [writing]


def test_a_backup_of_the_first_version_is_migrated(elsewhere, settings, blobs, destination):
    old = Catalog(settings.catalog_url)
    old.migrate("0001")
    flat = {"library": "timm", "architecture": "tf_efficientnet_lite0", "weights": {"sha256": "ab" * 32}}
    time = "'2026-01-01 00:00:00.000000'"
    content = jpeg(1)
    sha256, size = hashlib.sha256(content).hexdigest(), len(content)
    blobs.put(original_key(sha256), content)
    statements = [
        f"INSERT INTO user_account VALUES (1, 'Ann', '', 'admin', {time})",
        f"INSERT INTO collection VALUES (1, 1, 'Photos', 'private', {time}, NULL)",
        f"INSERT INTO photo VALUES (1, 1, NULL, '{sha256}', 'a', 'image/jpeg', {size}, 1, 1, NULL, {time}, NULL)",
        f"INSERT INTO embedding_space VALUES (1, 'key', 'efficientnet-lite0', 1280, :flat, {time})",
        f"INSERT INTO embedding VALUES (1, 1, 'indexed', 0, 1, NULL, NULL, NULL, {time})",
    ]
    with old.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement), {"flat": json.dumps(flat)} if ":flat" in statement else {})
    back_up(old, blobs, settings, destination)
    old.close()
    assert json.loads((destination / "backup.json").read_text())["revision"] == "0001"
    restore(elsewhere, destination)
    there = opened(elsewhere)
    with there.snapshot() as session:
        space = session.scalars(select(EmbeddingSpace)).one()
        assert space.opened_at is not None
        assert space.description["encoder"]["name"] == "efficientnet-lite0"
    assert states(there) == {"pending": 1}
    there.close()


def test_blobs_can_be_referred_to_and_are_looked_for_where_the_settings_say(
    catalog, blobs, settings, photos, destination, elsewhere
):
    report = back_up(catalog, blobs, settings, destination, reference=True)
    assert not (destination / "blobs").exists()
    assert (report.blobs, report.new_blobs) == (len(list(blobs.keys())), 0)
    with pytest.raises(BackupError, match=f"{settings.blobs_root}.*MINDREADER_BLOBS_URL"):
        restore(elsewhere, destination)
    restored = restore(elsewhere.model_copy(update={"blobs_url": settings.blobs_root}), destination)
    assert (restored.photos, restored.blobs) == (4, 0)


def test_blobs_may_lie_in_an_object_store(catalog, settings, make_bundle, tmp_path, elsewhere, monkeypatch):
    here, there = (f"memory://{tmp_path.name}-{name}" for name in ("here", "there"))
    fill(catalog, BlobStore(here), settings, make_bundle)
    monkeypatch.chdir(tmp_path)
    report = back_up(catalog, BlobStore(here), settings.model_copy(update={"blobs_url": here}), Path("backup"))
    assert (report.photos, report.problems) == (4, ())
    assert restore(elsewhere.model_copy(update={"blobs_url": there}), Path("backup")).blobs == report.blobs
    assert kept(BlobStore(there)) == kept(BlobStore(here))


def test_a_password_in_the_address_of_the_blob_store_is_not_written_down():
    assert backup_module._without_password("ftp://ann:secret@host/photos") == "ftp://host/photos"
    assert backup_module._without_password("/data/blobs") == "/data/blobs"


# --- while MindReader runs --------------------------------------------------------------------------------------------


def test_uploads_go_on_and_the_backup_is_one_moment_of_them(
    any_catalog, blobs, settings, tmp_path, destination, elsewhere
):
    collection = add_collection(any_catalog)
    stop, outcomes = Event(), []

    def upload():
        number = 0
        while not stop.is_set():
            file = tmp_path / f"{number}.jpg"
            file.write_bytes(jpeg(number))
            outcomes.append(add_photo(any_catalog, blobs, settings, collection, file.name, file, None))
            number += 1

    def backed_up_after(photos):
        wait_until(lambda: len(outcomes) >= photos, "the uploads")
        return back_up(any_catalog, blobs, settings, destination)

    uploading = Thread(target=upload)
    uploading.start()
    try:
        reports = [backed_up_after(photos) for photos in (1, 4)]
    finally:
        stop.set()
        uploading.join()
    assert {outcome.status for outcome in outcomes} == {"created"}
    assert [report.problems for report in reports] == [(), ()]
    assert reports[-1].photos > reports[0].photos
    assert restore(elsewhere, destination).photos == reports[-1].photos
    there = opened(elsewhere)
    with there.snapshot() as session:
        wanted = {original_key(sha256) for sha256 in session.scalars(select(Photo.sha256))}
    there.close()
    assert set(BlobStore(elsewhere.blobs_root).keys("originals")) == wanted


def test_the_moment_of_a_backup_does_not_move(any_catalog):
    add_collection(any_catalog, "before")
    with read_snapshot(any_catalog) as connection:
        question = text("SELECT count(*) FROM collection")
        assert connection.scalar(question) == 1
        add_collection(any_catalog, "after")
        assert connection.scalar(question) == 1


@pytest.fixture
def meanwhile(monkeypatch):
    """Let something happen between the catalog's moment and the copying of the photos."""

    def set_up(happens):
        real = backup_module._copy_catalog

        def copy_catalog(catalog, folder):
            revision = real(catalog, folder)
            happens()
            return revision

        monkeypatch.setattr(backup_module, "_copy_catalog", copy_catalog)

    return set_up


def delete_for_good(catalog, blobs, settings, photo_ids):
    with catalog.transaction() as session:
        session.execute(update(Photo).where(Photo.id.in_(photo_ids)).values(deleted_at=now()))
    indexes = PhotoIndexes(settings)
    purge_deleted(catalog, blobs, indexes, settings)
    indexes.close()


def test_a_photo_purged_meanwhile_is_not_in_the_backup(
    catalog, blobs, settings, photos, destination, elsewhere, meanwhile
):
    meanwhile(lambda: delete_for_good(catalog, blobs, settings, photos[:1]))
    report = back_up(catalog, blobs, settings, destination)
    assert (report.photos, report.purged, report.problems) == (3, 1, ())
    manifest = json.loads((destination / "backup.json").read_text())
    assert (manifest["tables"]["photo"], manifest["tables"]["embedding"]) == (3, 3)
    restore(elsewhere, destination)
    assert findings(elsewhere) == []


def test_a_photo_whose_purge_is_not_yet_committed_is_not_in_the_backup(
    catalog, blobs, settings, photos, destination, meanwhile
):
    def purge_begins():
        with catalog.transaction() as session:
            session.execute(update(Photo).where(Photo.id == photos[0]).values(deleted_at=now()))
        blobs.delete(original_key(digest(catalog, photos[0])))

    meanwhile(purge_begins)
    assert back_up(catalog, blobs, settings, destination).purged == 1


def test_a_photo_that_another_collection_still_has_is_not_lost(
    catalog, blobs, settings, photos, destination, elsewhere, monkeypatch
):
    """Purged here, uploaded there: the bytes were away for a moment only."""
    content = jpeg(0)
    (shared,) = add_photos(catalog, blobs, settings, add_collection(catalog, "Other"), [content])
    key = original_key(digest(catalog, shared))
    blobs.delete(key)
    real = backup_module._forget_purged

    def uploaded_in_between(*arguments):
        found = real(*arguments)
        blobs.put(key, content)
        return found

    monkeypatch.setattr(backup_module, "_forget_purged", uploaded_in_between)
    report = back_up(catalog, blobs, settings, destination)
    assert (report.photos, report.purged, report.problems) == (5, 0, ())
    assert restore(elsewhere, destination).lost == ()


def test_a_bundle_removed_meanwhile_is_still_in_the_backup(
    catalog, blobs, settings, photos, destination, elsewhere, meanwhile
):
    def remove():
        for key in list(blobs.keys("bundles")):
            blobs.delete(key)

    meanwhile(remove)
    back_up(catalog, blobs, settings, destination, prune=True)
    restore(elsewhere, destination)
    assert findings(elsewhere) == []


# --- again into the same folder ---------------------------------------------------------------------------------------


def test_a_second_backup_copies_only_what_is_new(catalog, blobs, settings, photos, made, elsewhere):
    before = {path: path.stat().st_mtime_ns for path in (made / "blobs").rglob("*") if path.is_file()}
    with catalog.snapshot() as session:
        collection = session.scalars(select(Photo.collection_id)).first()
    add_photos(catalog, blobs, settings, collection, [jpeg(50)])
    report = back_up(catalog, blobs, settings, made)
    assert (report.photos, report.new_blobs) == (5, 2)  # the original and its thumbnail
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert restore(elsewhere, made).photos == 5


def test_previews_are_left_out(catalog, blobs, settings, photos, destination, elsewhere):
    made_preview(catalog, blobs, settings, digest(catalog, photos[0]))
    report = back_up(catalog, blobs, settings, destination)
    assert report.problems == ()
    assert not (destination / "blobs" / "previews").exists()
    restore(elsewhere, destination)
    assert findings(elsewhere) == []


def test_a_bundle_that_changed_in_the_backup_is_copied_again(catalog, blobs, settings, photos, made, elsewhere):
    """Its name does not tell what is in it, so its bytes are compared."""
    path = made / "blobs" / next(key for key in sorted(blobs.keys("bundles")) if key.endswith(".safetensors"))
    damage(path)
    assert back_up(catalog, blobs, settings, made).new_blobs == 1
    restore(elsewhere, made)
    assert findings(elsewhere) == []


def test_what_nothing_refers_to_stays_until_it_is_pruned_and_is_not_restored(
    catalog, blobs, settings, photos, made, elsewhere, tmp_path
):
    key = original_key(digest(catalog, photos[0]))
    delete_for_good(catalog, blobs, settings, photos[:1])
    report = back_up(catalog, blobs, settings, made)
    assert (report.photos, report.pruned) == (3, 0)
    assert (made / "blobs" / key).exists()
    restore(elsewhere, made)
    assert not BlobStore(elsewhere.blobs_root).exists(key)
    assert back_up(catalog, blobs, settings, made, prune=True).pruned == 2
    assert not (made / "blobs" / key).exists()
    assert restore(load_settings({"MINDREADER_DATA_DIR": str(tmp_path / "third")}), made).photos == 3


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(
    "at",
    [
        pytest.param("copying", marks=pytest.mark.slow),
        pytest.param("before the manifest", marks=pytest.mark.slow),
        "before the catalog",
        "between the two",
    ],
)
def test_a_killed_backup_leaves_the_older_or_the_newer_one_and_the_next_succeeds(
    at, catalog, blobs, settings, photos, made, elsewhere, tmp_path, monkeypatch
):
    with catalog.snapshot() as session:
        collection = session.scalars(select(Photo.collection_id)).first()
    add_photos(catalog, blobs, settings, collection, [jpeg(50)])

    def killed(*_arguments, **_options):
        raise Killed

    with monkeypatch.context() as patched:
        if at == "copying":
            patched.setattr(BackupFolder, "copy_in", killed)
        elif at == "before the manifest":
            patched.setattr(BackupFolder, "publish", killed)
        elif at == "before the catalog":
            patched.setattr(Path, "replace", _killed_at_the_catalog(Path.replace, killed))
        else:
            patched.setattr(BackupFolder, "_write", _all_but(BackupFolder._write, "backup.json", killed))
        with pytest.raises(Killed):
            back_up(catalog, blobs, settings, made)
    assert restore(elsewhere, made).photos == (5 if at == "between the two" else 4)
    assert back_up(catalog, blobs, settings, made).photos == 5
    assert not list(made.glob("*.new*"))
    assert restore(load_settings({"MINDREADER_DATA_DIR": str(tmp_path / "third")}), made).photos == 5


def _killed_at_the_catalog(replace, killed):
    return lambda path, target: killed() if path.name == "catalog.sqlite3.new" else replace(path, target)


def _all_but(write, name, killed):
    return lambda folder, asked, content: killed() if asked == name else write(folder, asked, content)


# --- damage -----------------------------------------------------------------------------------------------------------


def test_a_damaged_original_is_named_and_everything_else_is_backed_up(
    catalog, blobs, settings, photos, destination, elsewhere
):
    key = original_key(digest(catalog, photos[0]))
    damage(blobs.local_path(key))
    report = back_up(catalog, blobs, settings, destination, prune=True)
    (problem,) = report.problems
    assert problem.key == key
    assert f"(photo {photos[0]})" in problem.sentence
    assert report.photos == 4
    assert restore(elsewhere, destination).lost == (key,)
    assert findings(elsewhere) == ["lost-original"]


def test_a_good_copy_in_the_backup_outlives_damage_in_the_store(catalog, blobs, settings, photos, made, elsewhere):
    path = blobs.local_path(original_key(digest(catalog, photos[0])))
    path.write_bytes(path.read_bytes()[:10])
    back_up(catalog, blobs, settings, made)
    assert restore(elsewhere, made).lost == ()


def test_a_missing_original_is_named(catalog, blobs, settings, photos, destination):
    key = original_key(digest(catalog, photos[0]))
    blobs.delete(key)
    for reference in (False, True):
        (problem,) = back_up(catalog, blobs, settings, destination, reference=reference).problems
        assert problem.key == key
        assert "missing" in problem.sentence


def test_an_original_that_cannot_be_read_is_named(catalog, blobs, settings, photos, destination, monkeypatch):
    key = original_key(digest(catalog, photos[0]))
    real = BlobStore.open

    def broken(store, asked):
        if asked == key:
            raise OSError(5, "Input/output error")
        return real(store, asked)

    monkeypatch.setattr(BlobStore, "open", broken)
    (problem,) = back_up(catalog, blobs, settings, destination).problems
    assert "Input/output error" in problem.sentence


def test_a_file_of_another_size_is_named_when_it_is_only_referred_to(catalog, blobs, settings, photos, destination):
    blobs.local_path(original_key(digest(catalog, photos[0]))).write_bytes(b"short")
    (problem,) = back_up(catalog, blobs, settings, destination, reference=True).problems
    assert "5 bytes" in problem.sentence


@pytest.mark.parametrize("kind", ["originals", "bundles", "sketches"])
@pytest.mark.parametrize("harm", [damage, Path.unlink])
def test_a_backup_that_was_damaged_is_refused_and_its_rest_can_be_had(harm, kind, made, elsewhere):
    path = next(path for path in sorted((made / "blobs" / kind).rglob("*")) if path.is_file())
    harm(path)
    if (harm, kind) == (Path.unlink, "sketches"):  # a search without its sketch is no harm
        assert restore(elsewhere, made).photos == 4
        return
    with pytest.raises(BackupError, match=f"1 of its files.*{path.relative_to(made / 'blobs')}"):
        restore(elsewhere, made)
    assert not Path(elsewhere.data_dir / "catalog.sqlite3").exists()
    report = restore(elsewhere, made, despite_damage=True)
    assert (report.photos, report.lost) == (4, (str(path.relative_to(made / "blobs")),))


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda made: (made / "backup.json").unlink(), "holds no backup"),
        (lambda made: (made / "backup.json").write_text("{"), "backup.json is damaged"),
        (lambda made: (made / "backup.json").write_text('{"schema_version": 2}'), "version 2"),
        (lambda made: (made / "backup.json").write_text('{"schema_version": 1}'), "is wrong"),
        (lambda made: (made / "catalog.sqlite3").unlink(), "catalog.sqlite3 is missing"),
        (lambda made: damage(made / "catalog.sqlite3"), "catalog.sqlite3 has changed"),
        (lambda made: rewrite(made, revision="9999"), "newer MindReader"),
    ],
)
def test_what_is_no_sound_backup_is_refused(wrong, says, made, elsewhere):
    wrong(made)
    with pytest.raises(BackupError, match=says):
        restore(elsewhere, made)
    assert not elsewhere.data_dir.exists()


def rewrite(made, **values):
    path = made / "backup.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_library_is_never_overwritten(made, settings, catalog):
    before = rows(catalog, without=())
    with pytest.raises(ConflictError, match="holds users or photos"):
        restore(settings, made)
    assert rows(catalog, without=()) == before


def test_users_without_photos_are_not_overwritten_either(made, elsewhere, any_catalog):
    add_collection(any_catalog)
    url = any_catalog.engine.url.render_as_string(hide_password=False)
    with pytest.raises(ConflictError, match="holds users or photos"):
        restore(elsewhere.model_copy(update={"database_url": url}), made)


def test_a_catalog_of_a_newer_mindreader_is_left_alone(made, elsewhere):
    there = opened(elsewhere)
    there.migrate()
    with there.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    there.close()
    with pytest.raises(ConflictError, match="newer"):
        restore(elsewhere, made)


def test_tables_that_are_empty_are_filled_whatever_a_worker_left_in_them(made, elsewhere):
    there = opened(elsewhere)
    there.migrate()
    with there.transaction() as session:
        session.add(WorkerProcess(name="embed@here:1", queue="embed", device="cpu"))
    there.close()
    assert restore(elsewhere, made).photos == 4


def test_a_running_server_is_not_disturbed(made, elsewhere):
    with exclusive_lock(elsewhere), pytest.raises(ConflictError, match="already open"):
        restore(elsewhere, made)


def test_a_killed_restore_can_be_started_over(made, elsewhere, monkeypatch):
    def killed(*_arguments, **_more):
        raise Killed

    for name in ("_drop_indexes", "_load", "copy_rows"):
        with monkeypatch.context() as patched:
            patched.setattr(restore_module, name, killed)
            with pytest.raises(Killed):
                restore(elsewhere, made)
        (elsewhere.data_dir / "restoring").mkdir(exist_ok=True)  # as kill -9 would leave it
    blob = next(path for path in (elsewhere.data_dir / "blobs" / "originals").rglob("*") if path.is_file())
    blob.write_bytes(b"torn")
    assert restore(elsewhere, made).photos == 4
    assert findings(elsewhere) == []
    assert not (elsewhere.data_dir / "restoring").exists()


def test_a_migration_that_fails_changes_nothing(made, elsewhere, monkeypatch):
    def fails(*_arguments):
        raise RuntimeError("this migration has a mistake")

    monkeypatch.setattr(Catalog, "migrate", fails)
    with pytest.raises(RuntimeError):
        restore(elsewhere, made)
    assert not (elsewhere.data_dir / "catalog.sqlite3").exists()


def test_points_of_a_library_that_is_gone_do_not_come_back(made, elsewhere, catalog):
    with catalog.snapshot() as session:
        key = session.scalars(select(EmbeddingSpace.key)).one()
    stale = elsewhere.index_dir / key
    stale.mkdir(parents=True)
    (stale / "segment").write_text("of another time")
    restore(elsewhere, made)
    assert not stale.exists()


def test_a_folder_with_something_else_in_it_takes_no_backup(catalog, blobs, settings, photos, destination):
    destination.mkdir()
    (destination / "taxes.pdf").write_text("")
    with pytest.raises(BackupError, match=r"taxes\.pdf"):
        back_up(catalog, blobs, settings, destination)
    assert [path.name for path in destination.iterdir()] == ["taxes.pdf"]


def test_a_file_takes_no_backup(catalog, blobs, settings, photos, destination):
    destination.write_text("")
    with pytest.raises(BackupError, match="is a file"):
        back_up(catalog, blobs, settings, destination)


def test_a_backup_into_the_data_it_backs_up_is_refused(catalog, blobs, settings, photos, tmp_path):
    for inside in (settings.data_dir, settings.data_dir / "backup", settings.data_dir.parent):
        with pytest.raises(BackupError, match="overlap"):
            back_up(catalog, blobs, settings, inside)
    with pytest.raises(BackupError, match="overlap"):
        back_up(catalog, blobs, settings.model_copy(update={"blobs_url": f"file://{tmp_path}/b/blobs"}), tmp_path / "b")


def test_two_backups_into_one_folder_are_refused(catalog, blobs, settings, photos, destination):
    with BackupFolder(destination).exclusive(), pytest.raises(ConflictError, match="Another backup"):
        back_up(catalog, blobs, settings, destination)


def test_where_nothing_was_ever_started_there_is_nothing_to_back_up(elsewhere, tmp_path):
    empty = opened(elsewhere)
    with pytest.raises(BackupError, match="nothing to back up"):
        back_up(empty, BlobStore(elsewhere.blobs_root), elsewhere, tmp_path / "backup")
    empty.close()


def test_the_catalog_of_a_newer_mindreader_is_not_backed_up(catalog, blobs, settings, destination):
    with catalog.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BackupError, match="newer MindReader"):
        back_up(catalog, blobs, settings, destination)


def test_a_backup_can_lie_where_nobody_may_write(made, elsewhere, tmp_path):
    """SQLite makes files beside a database with a write-ahead log, even to read it."""
    header = (made / "catalog.sqlite3").read_bytes()[18:20]
    assert header == b"\x01\x01"  # no write-ahead log
    before = contents(made)
    moved = tmp_path / "moved"
    shutil.copytree(made, moved)
    assert restore(elsewhere, moved).photos == 4
    assert contents(moved) == before
