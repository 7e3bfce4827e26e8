"""Model versions: register bundles, try them, choose the one that answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session, joinedload

from mindreader.blobs import BlobStore
from mindreader.bundles import Bundle
from mindreader.bundles.manifest import PROJECTION_FILE
from mindreader.bundles.store import BundleStore
from mindreader.catalog import Catalog, EmbeddingSpace, ModelVersion, Search
from mindreader.catalog.locks import lock_spaces
from mindreader.catalog.models import now
from mindreader.embedding.spaces import is_open, open_space, request_drop, space_counts
from mindreader.errors import ConflictError, InvalidInputError, NotFoundError, NotReadyError
from mindreader.inference.schemes import schemes_for
from mindreader.messages import SmokeTest
from mindreader.networks.descriptions import SpaceDescription
from mindreader.region_schemes import BEST_REGIONS, NO_REGIONS, region_scheme
from mindreader.settings import Settings

_LONGEST_STEM = 75
"""Of a name that gets an ending: the catalog keeps 100 characters."""
# Asked by every search: put together once.
_ACTIVE_SPACE = select(ModelVersion.space_id).where(ModelVersion.active)
_ACTIVE = select(ModelVersion).where(ModelVersion.active).options(joinedload(ModelVersion.space))


def bundle_store(settings: Settings, blobs: BlobStore) -> BundleStore:
    """Where the bundles of all model versions lie."""
    return BundleStore(blobs, settings.data_dir / "cache" / "bundles")


def install(catalog: Catalog, kept: BundleStore, bundle: Bundle, regions: str = NO_REGIONS) -> ModelVersion:
    """Register a bundle that is trusted; where no version answers yet, open its space and let it answer.

    Args:
        regions: scheme of the space that is opened, where none answers yet; "auto" for the best it can have.

    Raises:
        InvalidInputError: there is no such scheme, or this space cannot have it.
    """
    kept.keep(bundle)
    with catalog.transaction() as session:
        version = register_bundle(session, bundle)
        if active_version(session) is None:
            if regions == BEST_REGIONS:
                regions = next(iter(_possible_regions(version.space)), NO_REGIONS)
            if regions != NO_REGIONS:
                version = _of_space(session, version, regions) or add_regions(session, version.id, regions)
            if not is_open(version.space):
                open_space(session, version.space_id)
            activate(session, version.id, incomplete=True)
    return version


def register_bundle(session: Session, bundle: Bundle, trial: SmokeTest | None = None) -> ModelVersion:
    """Make a kept bundle known as a model version of the space it targets; one that is known stays as it is.

    A new embedding space becomes known too, but is not opened: nothing is embedded before somebody says so. Where the
    same space with regions is open, the bundle is registered for that as well: it can answer there at once.

    Args:
        trial: what a worker measured when it tried the bundle.
    """
    lock_spaces(session, opening=True)
    of_bundle = versions_of_bundle(session, bundle.sha256)
    known = next((version for version in of_bundle if version.space.key == bundle.space.key), None)
    version = known or ModelVersion(
        name=bundle.manifest.name,
        bundle_sha256=bundle.sha256,
        space=_space(session, bundle.space),
        metrics=bundle.manifest.metrics,
        active=False,
    )
    if trial is not None:
        for space in {version.space, *(other.space for other in of_bundle)}:
            space.photos_per_second, space.encoder_bytes = trial.photos_per_second, trial.encoder_bytes
    session.add(version)
    session.flush()
    for regions in _open_regions(session, version.space):
        if _of_space(session, version, regions) is None:
            add_regions(session, version.id, regions)
    return version


def add_regions(session: Session, model_version_id: int, regions: str) -> ModelVersion:
    """Register a version's bundle once more, for the same space with regions; that one is not opened.

    Args:
        regions: name of a scheme (`mindreader.region_schemes`), not "none".

    Raises:
        NotFoundError: there is no such version.
        InvalidInputError: there is no such scheme, or this space cannot have it.
        ConflictError: the version has regions itself, or its bundle is registered with these already.
    """
    lock_spaces(session, opening=True)
    plain = version_by_id(session, model_version_id)
    if plain.space.has_regions:
        raise ConflictError("{name} has regions already. Add others to the version without.", name=plain.name)
    if regions not in (possible := _possible_regions(plain.space)):
        raise InvalidInputError(
            "{name} cannot have regions {regions}. It can have: {possible}.",
            name=plain.name,
            regions=regions,
            possible=", ".join(possible),
        )
    if (known := _of_space(session, plain, regions)) is not None:
        raise ConflictError("{name} has these regions already: see {other}.", name=plain.name, other=known.name)
    description = replace(SpaceDescription.from_json(plain.space.description), regions=regions)
    space = _space(session, description)
    space.photos_per_second, space.encoder_bytes = plain.space.photos_per_second, plain.space.encoder_bytes
    added = ModelVersion(
        name=_name_with_regions(session, plain, regions),
        bundle_sha256=plain.bundle_sha256,
        space=space,
        metrics=plain.metrics,
        active=False,
    )
    session.add(added)
    session.flush()
    return added


def register_successor(session: Session, bundle: Bundle, original: ModelVersion) -> ModelVersion:
    """Register a kept bundle that was trained on from a version's, for that version's own space, regions included.

    Nothing is embedded for it, and it does not answer before somebody activates it.

    Raises:
        ConflictError: the bundle targets another space.
    """
    lock_spaces(session, opening=True)
    space = original.space
    target = replace(bundle.space, regions=space.regions)
    if target.key != space.key:
        raise ConflictError("{name} is not of the space of {other}.", name=bundle.manifest.name, other=original.name)
    known = session.scalar(
        select(ModelVersion).where(ModelVersion.bundle_sha256 == bundle.sha256, ModelVersion.space_id == space.id)
    )
    version = known or ModelVersion(
        name=bundle.manifest.name,
        bundle_sha256=bundle.sha256,
        space_id=space.id,
        metrics=bundle.manifest.metrics,
        active=False,
    )
    session.add(version)
    session.flush()
    return version


def addable_regions(session: Session, version: ModelVersion) -> list[str]:
    """Schemes a version's bundle is not registered with yet, the best first; none where it has regions itself."""
    if version.space.has_regions:
        return []
    return [name for name in _possible_regions(version.space) if _of_space(session, version, name) is None]


def _possible_regions(space: EmbeddingSpace) -> list[str]:
    schemes = schemes_for(SpaceDescription.from_json(space.description))
    return [scheme.name for scheme in schemes if scheme.name != NO_REGIONS]


def _open_regions(session: Session, plain: EmbeddingSpace) -> list[str]:
    """Schemes with which a space without regions is open, beside itself or in place of it."""
    description = SpaceDescription.from_json(plain.description)
    spaces = {name: replace(description, regions=name).key for name in _possible_regions(plain)}
    known = session.scalars(select(EmbeddingSpace).where(EmbeddingSpace.key.in_(spaces.values())))
    opened = {space.key for space in known if is_open(space)}
    return [name for name, key in spaces.items() if key in opened]


def _of_space(session: Session, plain: ModelVersion, regions: str) -> ModelVersion | None:
    """The version of the same bundle that has these regions."""
    of_bundle = versions_of_bundle(session, plain.bundle_sha256)
    return next((version for version in of_bundle if version.space.regions == regions), None)


def _name_with_regions(session: Session, plain: ModelVersion, regions: str) -> str:
    """Told apart from one of the same bundle with other regions."""
    precision = region_scheme(regions).precision
    kind = "regions" if precision == "float" else precision
    name = f"{plain.name[:_LONGEST_STEM]} · {kind}"
    taken = {version.name for version in versions_of_bundle(session, plain.bundle_sha256)}
    return f"{name} ({regions})" if name in taken else name


def _space(session: Session, description: SpaceDescription) -> EmbeddingSpace:
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


def versions_of_bundle(session: Session, bundle_sha256: str) -> Sequence[ModelVersion]:
    """The versions registered from a bundle, with their spaces, the oldest first: one for each scheme of regions."""
    of_bundle = select(ModelVersion).where(ModelVersion.bundle_sha256 == bundle_sha256).order_by(ModelVersion.id)
    return session.scalars(of_bundle.options(joinedload(ModelVersion.space))).all()


def active_version(session: Session) -> ModelVersion | None:
    """The version that answers searches, with its space."""
    return session.scalar(_ACTIVE)


def active_space_id(session: Session) -> int | None:
    """The embedding space of the active version."""
    return session.scalar(_ACTIVE_SPACE)


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
    chosen.active, chosen.activated_at = True, now()
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
    """What became of a removed version's space and bundle."""

    bundle_sha256: str
    bundle_unused: bool
    """No other version is of this bundle: its files can go."""
    space_dropped: bool


def remove_version(session: Session, model_version_id: int) -> Removed:
    """Forget a model version; a space that no other version uses is dropped with it.

    Searches it answered are forgotten too. The caller removes a kept bundle that is unused after the transaction.

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
    still_used = session.scalar(select(exists().where(ModelVersion.bundle_sha256 == version.bundle_sha256)))
    return Removed(version.bundle_sha256, not still_used, not others)
