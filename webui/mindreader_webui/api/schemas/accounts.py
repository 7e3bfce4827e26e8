"""Users, sessions and access tokens."""

from datetime import timedelta

from pydantic import BaseModel, Field

from mindreader.accounts.user_agents import browser_named, system_named
from mindreader.catalog import ApiToken as TokenRow
from mindreader.catalog import BrowserSession as SessionRow
from mindreader.catalog import Role, TokenScope
from mindreader.catalog import User as UserRow
from mindreader_webui.api.schemas.common import Id, Moment, Request


class Credentials(Request):
    """Name and password."""

    name: str
    password: str


class NewUser(Credentials):
    """A user to add."""

    role: Role = Role.MEMBER


class User(BaseModel):
    """A person, or the command line of the server's machine before the first person."""

    id: int
    name: str
    role: Role
    disabled: bool = Field(description="Whether nobody comes in with this account.")

    @classmethod
    def of(cls, row: UserRow) -> "User":
        """From the catalog."""
        return cls(id=row.id, name=row.name, role=Role(row.role), disabled=row.disabled_at is not None)


class Users(BaseModel):
    """Everyone."""

    users: list[User]


class UserChange(Request):
    """What to change; a field left out stays as it is."""

    password: str | None = Field(None, description="Another password; it ends the user's sessions.")
    role: Role | None = Field(None, description="`member` ends an administrator's sessions.")
    disabled: bool | None = Field(
        None,
        description="`true` lets nobody in with this account and ends its sessions and tokens; `false` undoes it.",
    )
    end_tokens: bool = Field(
        True, description="With another password: end the user's access tokens too, but the local command line's."
    )


class PasswordChange(Request):
    """The password one has, and the one one wants."""

    old: str
    new: str


class HeirQuery(Request):
    """Who takes over what a removed user leaves."""

    heir_id: Id | None = Field(None, description="The user who gets the collections; needed if there are any.")


class UserPath(BaseModel):
    """A user by their id."""

    user_id: int


class UserTokenPath(UserPath):
    """A token of a user, by their ids."""

    token_id: int


class BrowserSession(BaseModel):
    """A browser that is signed in."""

    id: int
    browser: str | None = Field(description="What it calls itself, if that is known: `Firefox`.")
    system: str | None = Field(description="What it runs on, if that is known: `Android`.")
    address: str = Field(description="From where it signed in, or empty.")
    created_at: Moment
    last_used_at: Moment = Field(description="Within a few minutes.")
    expires_at: Moment
    current: bool = Field(description="Whether it is the one that asks.")

    @classmethod
    def of(cls, row: SessionRow, current_id: int | None) -> "BrowserSession":
        """From the catalog."""
        return cls(
            id=row.id,
            browser=browser_named(row.user_agent),
            system=system_named(row.user_agent),
            address=row.address,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            expires_at=row.expires_at,
            current=row.id == current_id,
        )


class BrowserSessions(BaseModel):
    """The browsers in which the caller is signed in."""

    sessions: list[BrowserSession]


class SessionPath(BaseModel):
    """A session by its id."""

    session_id: int


class NewToken(Request):
    """An access token to make."""

    name: str
    scope: TokenScope = Field(
        TokenScope.WRITE,
        description="`read`: look and search. `write`: also upload, label, share and delete. `full`: everything you "
        "may do, also administer and make tokens.",
    )
    days: int | None = Field(365, ge=1, le=3650, description="How long it works; null: until it is revoked.")

    @property
    def lifetime(self) -> timedelta | None:
        """How long it works, if there is an end."""
        return None if self.days is None else timedelta(days=self.days)


class Token(BaseModel):
    """An access token, without its secret."""

    id: int
    name: str
    scope: TokenScope
    created_at: Moment
    expires_at: Moment | None = Field(description="It works no longer from then on; null: until it is revoked.")
    last_used_at: Moment | None = Field(description="Within a few minutes; null: never yet.")

    @classmethod
    def of(cls, row: TokenRow) -> "Token":
        """From the catalog."""
        return cls(
            id=row.id,
            name=row.name,
            scope=TokenScope(row.scope),
            created_at=row.created_at,
            expires_at=row.expires_at,
            last_used_at=row.last_used_at,
        )


class IssuedToken(Token):
    """A new access token; its secret is shown this once."""

    token: str


class Tokens(BaseModel):
    """A user's access tokens."""

    tokens: list[Token]


class TokenPath(BaseModel):
    """A token by its id."""

    token_id: int
