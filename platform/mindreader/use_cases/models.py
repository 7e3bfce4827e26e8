"""Embedding spaces and model versions: register bundles, open spaces, choose the version that answers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import func, insert, literal, select
from sqlalchemy.orm import Session, joinedload

from mindreader.bundles import Bundle, default_bundle_folder, read_bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.bundles.storage import MANIFEST_FILE
from mindreader.catalog import Embedding, EmbeddingSpace, EmbeddingState, ModelVersion, Photo
from mindreader.errors import BundleError, NotFoundError, NotReadyError
from mindreader.networks.descriptions import SpaceDescription

# Stored in place of a path, for MindReader may be installed elsewhere on each worker's machine.
_SHIPPED = "shipped:default"
_SPACES_LOCK = 7276825


def register_bundle(session: Session, bundle: Bundle) -> ModelVersion:
    """Make a bundle known as a model version; one that is known stays, and is found at its new place.

    A bundle for a new embedding space opens the space: every photo is queued for it.
    """
    lock_spaces(session, opening=True)
    known = session.scalar(select(ModelVersion).where(ModelVersion.bundle_sha256 == bundle.sha256))
    version = known or ModelVersion(
        name=bundle.manifest.name,
        bundle_sha256=bundle.sha256,
        space_id=_space(session, bundle).id,
        metrics=bundle.manifest.metrics,
        active=False,
    )
    version.bundle_path = _SHIPPED if bundle.folder == default_bundle_folder() else str(bundle.folder.resolve())
    session.add(version)
    session.flush()
    return version


def bundle_folder(version: ModelVersion) -> Path:
    """Where a version's bundle lies on this machine.

    Raises:
        NotReadyError: it is gone, or another bundle has taken its place.
    """
    folder = default_bundle_folder() if version.bundle_path == _SHIPPED else Path(version.bundle_path)
    try:
        digest = hashlib.sha256((folder / MANIFEST_FILE).read_bytes()).hexdigest()
    except OSError as error:
        raise NotReadyError(
            f"The bundle of model version {version.name} cannot be read from {folder} ({error.strerror}). "
            "Put it back, or activate another version."
        ) from None
    if digest != version.bundle_sha256:
        raise NotReadyError(
            f"{folder} no longer holds the bundle of model version {version.name}. "
            "Put it back, or activate another version."
        )
    return folder


def photo_projection(session: Session, space: EmbeddingSpace) -> Path | None:
    """The weights of a space's projection, from any bundle that targets it; None when the space has none.

    Raises:
        NotReadyError: it has one, but no bundle that holds it can be read here.
    """
    if SpaceDescription.from_json(space.description).projection is None:
        return None
    reasons = []
    for version in session.scalars(select(ModelVersion).where(ModelVersion.space_id == space.id)):
        try:
            return read_bundle(bundle_folder(version)).weights(PROJECTION_FILE)
        except (NotReadyError, BundleError) as error:
            reasons.append(error.detail)
    raise NotReadyError(f"Photos cannot be embedded in space {space.key}. " + " ".join(reasons))


def versions(session: Session) -> Sequence[ModelVersion]:
    """All model versions with their spaces, the newest first."""
    return session.scalars(
        select(ModelVersion).options(joinedload(ModelVersion.space)).order_by(ModelVersion.id.desc())
    ).all()


def active_version(session: Session) -> ModelVersion | None:
    """The version that answers searches, with its space."""
    return session.scalar(select(ModelVersion).where(ModelVersion.active).options(joinedload(ModelVersion.space)))


def active_space_id(session: Session) -> int | None:
    """The embedding space of the active version."""
    return session.scalar(select(ModelVersion.space_id).where(ModelVersion.active))


def activate(session: Session, model_version_id: int) -> ModelVersion:
    """Let this version answer searches from the end of the transaction on; activating it twice changes nothing.

    Raises:
        NotFoundError: there is no such version.
    """
    # All rows, always in one order: two activations at once come one after the other.
    known = session.scalars(select(ModelVersion).order_by(ModelVersion.id).with_for_update()).all()
    chosen = next((version for version in known if version.id == model_version_id), None)
    if chosen is None:
        raise NotFoundError("There is no such model version.")
    for version in known:
        version.active = version is chosen and version.active
    session.flush()  # the old one first: no moment may have two
    chosen.active = True
    session.flush()
    return chosen


def spaces_in_use(session: Session) -> list[int]:
    """Ids of the spaces that model versions target: every photo is embedded for each of them."""
    return list(session.scalars(select(ModelVersion.space_id).distinct().order_by(ModelVersion.space_id)))


def lock_spaces(session: Session, *, opening: bool) -> None:
    """Keep photos from being added while a space is opened, or the other way round, until the transaction ends.

    Else a photo added in that moment would never be queued for the new space. SQLite has one writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock if opening else func.pg_advisory_xact_lock_shared
        session.execute(select(lock(_SPACES_LOCK)))


def _space(session: Session, bundle: Bundle) -> EmbeddingSpace:
    record = bundle.manifest.space
    space = session.scalar(select(EmbeddingSpace).where(EmbeddingSpace.key == record.key))
    return space or _open_space(session, bundle.space)


def _open_space(session: Session, description: SpaceDescription) -> EmbeddingSpace:
    space = EmbeddingSpace(
        key=description.key,
        photo_encoder=description.encoder.name,
        dimension=description.dimension,
        description=description.as_json(),
    )
    session.add(space)
    session.flush()
    every_photo = select(Photo.id, literal(space.id), literal(EmbeddingState.PENDING.value)).where(
        Photo.deleted_at.is_(None)
    )
    session.execute(insert(Embedding).from_select(["photo_id", "space_id", "state"], every_photo))
    return space
