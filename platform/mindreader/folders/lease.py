"""One scanner at a time is at work in a folder: a lease in the catalog, which runs out when its owner is gone."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import or_, update

from mindreader.catalog import Catalog, Folder
from mindreader.catalog.models import now
from mindreader.errors import ConflictError


class LeaseLostError(ConflictError):
    """Another scanner has taken the folder over."""


def take_lease(catalog: Catalog, folder_id: int, owner: str, seconds: float) -> bool:
    """Take the lease of a folder, or keep it for so many seconds more; returns whether it is the owner's now."""
    moment = now()
    # One that lasts longer than any lease was given before the clock was set back.
    is_over = or_(Folder.lease_until < moment, Folder.lease_until > moment + timedelta(seconds=2 * seconds))
    free = or_(Folder.lease_owner.is_(None), Folder.lease_owner == owner, is_over)
    taken = update(Folder).where(Folder.id == folder_id, free).returning(Folder.id)
    with catalog.transaction() as session:
        until = moment + timedelta(seconds=seconds)
        return session.scalar(taken.values(lease_owner=owner, lease_until=until)) is not None


def keep_lease(catalog: Catalog, folder_id: int, owner: str, seconds: float) -> None:
    """Keep a lease that is held.

    Raises:
        LeaseLostError: it is not, by now.
    """
    if not take_lease(catalog, folder_id, owner, seconds):
        raise LeaseLostError("Another scanner is at work in this folder.")


def give_leases_back(catalog: Catalog, owner: str) -> None:
    """Let another scanner have all folders of this one."""
    with catalog.transaction() as session:
        held = update(Folder).where(Folder.lease_owner == owner)
        session.execute(held.values(lease_owner=None, lease_until=None))


def expire_folder_leases(catalog: Catalog) -> None:
    """Free every folder: for the start of an embedded server, which has the only scanner there is."""
    with catalog.transaction() as session:
        session.execute(update(Folder).values(lease_owner=None, lease_until=None))
