"""Model versions: register bundles, try them, choose the one that answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, joinedload

from mindreader.blobs import BlobStore
from mindreader.bundles import Bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.bundles.store import BundleStore
from mindreader.catalog import Catalog, EmbeddingSpace, ModelVersion, Search
from mindreader.catalog.locks import lock_spaces
from mindreader.embedding.spaces import is_open, open_space, request_drop, space_counts
from mindreader.errors import ConflictError, NotFoundError, NotReadyError
from mindreader.messages import SmokeTest
from mindreader.networks.descriptions import SpaceDescription
from mindreader.settings import Settings


def bundle_store(settings: Settings, blobs: BlobStore) -> BundleStore:
    """Where the bundles of all model versions lie."""
    return BundleStore(blobs, settings.data_dir / "cache" / "bundles")


def install(catalog: Catalog, kept: BundleStore, bundle: Bundle) -> ModelVersion:
    """Register a bundle that is trusted; where no version answers yet, open its space and let it answer."""
    kept.keep(bundle)
    with catalog.transaction() as session:
        version = register_bundle(session, bundle)
        if active_version(session) is None:
            if not is_open(version.space):
                open_space(session, version.space_id)
            activate(session, version.id, incomplete=True)
    return version


def register_bundle(session: Session, bundle: Bundle, trial: SmokeTest | None = None) -> ModelVersion:
    """Make a kept bundle known as a model version; one that is known stays as it is.

    A new embedding space becomes known too, but is not opened: nothing is embedded before somebody says so.

    Args:
        trial: what a worker measured when it tried the bundle.
    """
    lock_spaces(session, opening=True)
    known = session.scalar(
        select(ModelVersion).where(ModelVersion.bundle_sha256 == bundle.sha256).options(joinedload(ModelVersion.space))
    )
    version = known or ModelVersion(
        name=bundle.manifest.name,
        bundle_sha256=bundle.sha256,
        space=_space(session, bundle),
        metrics=bundle.manifest.metrics,
        active=False,
    )
    if trial is not None:
        version.space.photos_per_second, version.space.encoder_bytes = trial.photos_per_second, trial.encoder_bytes
    session.add(version)
    session.flush()
    return version


def _space(session: Session, bundle: Bundle) -> EmbeddingSpace:
    description = bundle.space
    known = session.scalar(select(EmbeddingSpace).where(EmbeddingSpace.key == description.key))
    return known or EmbeddingSpace(
        key=description.key,
        photo_encoder=description.encoder.name,
        dimension=description.dimension,
        description=description.as_json(),
    )


def photo_projection(session: Session, kept: BundleStore, space: EmbeddingSpace) -> Path | None:
    """The weights of a space's projection, from any bundle that targets it; None when the space has none.

    Raises:
        NotReadyError: it has one, but no bundle that holds it can be read here.
    """
    if SpaceDescription.from_json(space.description).projection is None:
        return None
    reasons = []
    for version in session.scalars(select(ModelVersion).where(ModelVersion.space_id == space.id)):
        try:
            return kept.read(version.bundle_sha256, version.name).weights(PROJECTION_FILE)
        except NotReadyError as error:
            reasons.append(error.detail)
    raise NotReadyError(
        "Photos cannot be embedded in space {space}. {reasons}", space=space.key, reasons=" ".join(reasons)
    )


def versions(session: Session) -> Sequence[ModelVersion]:
    """All model versions with their spaces, the newest first."""
    return session.scalars(
        select(ModelVersion).options(joinedload(ModelVersion.space)).order_by(ModelVersion.id.desc())
    ).all()


def version_by_id(session: Session, model_version_id: int) -> ModelVersion:
    """A model version with its space.

    Raises:
        NotFoundError: there is no such version.
    """
    version = session.get(ModelVersion, model_version_id, options=[joinedload(ModelVersion.space)])
    if version is None:
        raise NotFoundError("There is no such model version.")
    return version


def version_of_bundle(session: Session, bundle_sha256: str) -> ModelVersion | None:
    """The version registered from a bundle."""
    return session.scalar(select(ModelVersion).where(ModelVersion.bundle_sha256 == bundle_sha256))


def active_version(session: Session) -> ModelVersion | None:
    """The version that answers searches, with its space."""
    return session.scalar(select(ModelVersion).where(ModelVersion.active).options(joinedload(ModelVersion.space)))


def active_space_id(session: Session) -> int | None:
    """The embedding space of the active version."""
    return session.scalar(select(ModelVersion.space_id).where(ModelVersion.active))


def activate(session: Session, model_version_id: int, *, incomplete: bool = False) -> ModelVersion:
    """Let this version answer searches from the end of the transaction on; activating it twice changes nothing.

    Args:
        incomplete: even if photos are still waiting to be embedded in its space, and will not be found until then.

    Raises:
        NotFoundError: there is no such version.
        ConflictError: its space is not built, or (unless `incomplete`) not finished.
    """
    # All rows, always in one order: two activations at once come one after the other.
    known = session.scalars(select(ModelVersion).order_by(ModelVersion.id).with_for_update()).all()
    chosen = next((version for version in known if version.id == model_version_id), None)
    if chosen is None:
        raise NotFoundError("There is no such model version.")
    if chosen.active:
        return chosen
    _check_space(session, chosen, incomplete)
    for version in known:
        version.active = False
    session.flush()  # the old one first: no moment may have two
    chosen.active = True
    session.flush()
    return chosen


def _check_space(session: Session, version: ModelVersion, incomplete: bool) -> None:
    if not is_open(version.space):
        raise ConflictError(
            "No photo has been embedded for {name}: its embedding space is new. Build it first, then activate.",
            name=version.name,
        )
    counts = space_counts(session, version.space_id)
    if counts.waiting and not incomplete:
        raise ConflictError(
            "Photos that are not embedded for {name} yet and would not be found: {n:,} of {total:,}. Wait until its "
            "job is done, or activate it as it is.",
            n=counts.waiting,
            total=counts.total,
            name=version.name,
        )


@dataclass(frozen=True)
class Removed:
    """What became of a removed version's space."""

    bundle_sha256: str
    space_dropped: bool


def remove_version(session: Session, model_version_id: int) -> Removed:
    """Forget a model version; a space that no other version uses is dropped with it.

    Searches it answered are forgotten too. The caller removes the kept bundle after the transaction.

    Raises:
        NotFoundError: there is no such version.
        ConflictError: it answers searches now.
    """
    version = version_by_id(session, model_version_id)
    if version.active:
        raise ConflictError("{name} answers searches now. Activate another version first.", name=version.name)
    session.execute(delete(Search).where(Search.model_version_id == version.id))
    space = version.space
    session.delete(version)
    session.flush()
    others = session.scalar(select(func.count()).select_from(ModelVersion).where(ModelVersion.space_id == space.id))
    if not others:
        request_drop(session, space.id)
    return Removed(version.bundle_sha256, not others)
