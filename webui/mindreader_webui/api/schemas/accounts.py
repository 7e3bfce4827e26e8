"""Users, sessions and access tokens."""

from pydantic import BaseModel, Field

from mindreader.catalog import ApiToken as TokenRow
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

    @classmethod
    def of(cls, row: UserRow) -> "User":
        """From the catalog."""
        return cls(id=row.id, name=row.name, role=Role(row.role))


class Users(BaseModel):
    """Everyone."""

    users: list[User]


class UserChange(Request):
    """What to change; a field left out stays as it is."""

    password: str | None = None
    role: Role | None = None


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


class NewToken(Request):
    """An access token to make."""

    name: str
    scope: TokenScope = Field(
        TokenScope.WRITE,
        description="`read`: look and search. `write`: also upload, label, share and delete. `full`: everything you "
        "may do, also administer and make tokens.",
    )


class Token(BaseModel):
    """An access token, without its secret."""

    id: int
    name: str
    scope: TokenScope
    created_at: Moment

    @classmethod
    def of(cls, row: TokenRow) -> "Token":
        """From the catalog."""
        return cls(id=row.id, name=row.name, scope=TokenScope(row.scope), created_at=row.created_at)


class IssuedToken(Token):
    """A new access token; its secret is shown this once."""

    token: str


class Tokens(BaseModel):
    """The caller's access tokens."""

    tokens: list[Token]


class TokenPath(BaseModel):
    """A token by its id."""

    token_id: int
