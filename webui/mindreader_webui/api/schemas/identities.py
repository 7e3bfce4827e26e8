"""Who people are at an OpenID Connect provider."""

from typing import Self

from pydantic import BaseModel, Field

from mindreader.catalog import UserIdentity
from mindreader_webui.api.schemas.common import Moment


class Identity(BaseModel):
    """Who the caller is at a provider."""

    id: int
    issuer: str
    label: str = Field(description="Their e-mail address or name there, when the two were connected.")
    created_at: Moment

    @classmethod
    def of(cls, row: UserIdentity) -> Self:
        """From the catalog."""
        return cls(id=row.id, issuer=row.issuer, label=row.label, created_at=row.created_at)


class Identities(BaseModel):
    """Who the caller is at providers."""

    identities: list[Identity]


class IdentityPath(BaseModel):
    """An identity by its id."""

    identity_id: int


class Address(BaseModel):
    """Where a browser goes next."""

    url: str
