"""Set up, sign in and out, sessions, access tokens, users."""

from flask import Response

from mindreader.accounts.sessions import end_session, end_sessions, sessions_of
from mindreader.accounts.tokens import issue_token, revoke_token, tokens_of
from mindreader.accounts.users import (
    authenticate,
    change_own_password,
    create_first_administrator,
    create_user,
    disable_user,
    enable_user,
    remove_user,
    set_password,
    set_role,
    user_by_id,
    users,
)
from mindreader.catalog import TokenScope
from mindreader.errors import ConflictError, NotSignedInError
from mindreader_webui import auth
from mindreader_webui.access import ADMIN, ANYONE, USER, access
from mindreader_webui.api.common import NO_SECURITY, answer, blueprint, id_in_path, no_content
from mindreader_webui.api.schemas.accounts import (
    BrowserSession,
    BrowserSessions,
    Credentials,
    HeirQuery,
    IssuedToken,
    NewToken,
    NewUser,
    PasswordChange,
    SessionPath,
    Token,
    TokenPath,
    Tokens,
    User,
    UserChange,
    UserPath,
    Users,
    UserTokenPath,
)
from mindreader_webui.openid_pages import came_from_provider, remember_to_sign_out_there
from mindreader_webui.services import current_services

_ONE_USER = f"/users/{id_in_path('user_id')}"
_ONE_TOKEN = f"/tokens/{id_in_path('token_id')}"

accounts = blueprint("accounts", __name__, "Signing in, sessions, access tokens, users", USER)


@accounts.post("/setup", responses={201: User}, security=NO_SECURITY)
@access(ANYONE, rate="login_rate")
def set_up(body: Credentials) -> Response:
    """Make the first administrator and sign in; only while nobody can sign in."""
    user = create_first_administrator(current_services().catalog, body.name, body.password)
    auth.sign_in(user)
    return answer(User.of(user), 201)


@accounts.post("/session", responses={200: User}, security=NO_SECURITY)
@access(ANYONE, rate="login_rate")
def sign_in(body: Credentials) -> Response:
    """Sign in with a session cookie."""
    user = authenticate(current_services().catalog, body.name, body.password)
    if user is None:
        raise NotSignedInError("Name or password is wrong.")
    auth.sign_in(user)
    return answer(User.of(user))


@accounts.get("/session", responses={200: User})
def who_am_i() -> Response:
    """Who is signed in."""
    return answer(User.of(auth.current_account()))


@accounts.delete("/session", responses={204: None})
def sign_out() -> Response:
    """Sign out of this browser; copies of its cookie are worth nothing from then on."""
    came_from_there = came_from_provider()
    auth.sign_out()
    if came_from_there:
        remember_to_sign_out_there()
    return no_content()


@accounts.post("/session/password", responses={204: None})
@access(USER, scope=TokenScope.FULL, rate="login_rate")
def change_password(body: PasswordChange) -> Response:
    """Give oneself another password; sessions in other browsers end, access tokens do not."""
    user = change_own_password(current_services().catalog, auth.current_account(), body.old, body.new)
    if not auth.asked_by_token():
        auth.stay_signed_in(user)
    return no_content()


@accounts.get("/sessions", responses={200: BrowserSessions})
@access(USER, scope=TokenScope.FULL)
def list_sessions() -> Response:
    """The browsers in which the caller is signed in, the one used last first."""
    with current_services().catalog.snapshot() as session:
        rows = sessions_of(session, auth.current_account())
    return answer(BrowserSessions(sessions=[BrowserSession.of(row, auth.current_session_id()) for row in rows]))


@accounts.delete("/sessions", responses={204: None})
@access(USER, scope=TokenScope.FULL)
def end_other_sessions() -> Response:
    """Sign the caller out of all browsers but the one that asks."""
    with current_services().catalog.transaction() as session:
        end_sessions(session, auth.current_account().id, but=auth.current_session_id())
    return no_content()


@accounts.delete(f"/sessions/{id_in_path('session_id')}", responses={204: None})
@access(USER, scope=TokenScope.FULL)
def end_one_session(path: SessionPath) -> Response:
    """Sign the caller out of one browser."""
    with current_services().catalog.transaction() as session:
        end_session(session, auth.current_account(), path.session_id)
    return no_content()


@accounts.get("/tokens", responses={200: Tokens})
@access(USER, scope=TokenScope.FULL)
def list_tokens() -> Response:
    """The caller's access tokens, the newest first."""
    with current_services().catalog.snapshot() as session:
        rows = tokens_of(session, auth.current_account())
    return answer(Tokens(tokens=[Token.of(row) for row in rows]))


@accounts.post("/tokens", responses={201: IssuedToken})
@access(USER, scope=TokenScope.FULL)
def add_token(body: NewToken) -> Response:
    """Make an access token, for a year if nothing else is said; its secret is shown this once."""
    with current_services().catalog.transaction() as session:
        row, secret = issue_token(session, auth.current_account(), body.name, body.scope, body.lifetime)
    return answer(IssuedToken(**Token.of(row).model_dump(), token=secret), 201)


@accounts.delete(_ONE_TOKEN, responses={204: None})
@access(USER, scope=TokenScope.FULL)
def remove_token(path: TokenPath) -> Response:
    """End one of the caller's access tokens."""
    with current_services().catalog.transaction() as session:
        revoke_token(session, auth.current_account(), path.token_id)
    return no_content()


@accounts.get("/users", responses={200: Users})
@access(ADMIN)
def list_users() -> Response:
    """Everyone; for administrators."""
    with current_services().catalog.snapshot() as session:
        rows = users(session)
    return answer(Users(users=[User.of(row) for row in rows]))


@accounts.post("/users", responses={201: User})
@access(ADMIN)
def add_user(body: NewUser) -> Response:
    """Add a user; for administrators."""
    user = create_user(current_services().catalog, body.name, body.password, body.role)
    return answer(User.of(user), 201)


@accounts.patch(_ONE_USER, responses={200: User})
@access(ADMIN)
def edit_user(path: UserPath, body: UserChange) -> Response:
    """Give a user another role or password, or disable them; sessions and tokens end with it. For administrators."""
    catalog = current_services().catalog
    if body.disabled is not None:
        _set_disabled(path.user_id, disabled=body.disabled)
    if body.role is not None:
        with catalog.transaction() as session:
            set_role(session, path.user_id, body.role)
    if body.password is not None:
        set_password(catalog, path.user_id, body.password, end_tokens=body.end_tokens)
    with catalog.snapshot() as session:
        return answer(User.of(user_by_id(session, path.user_id)))


def _set_disabled(user_id: int, *, disabled: bool) -> None:
    if disabled and auth.current_account().id == user_id:
        raise ConflictError("You cannot disable your own account. Ask another administrator.")
    with current_services().catalog.transaction() as session:
        (disable_user if disabled else enable_user)(session, user_id)


@accounts.delete(_ONE_USER, responses={204: None})
@access(ADMIN)
def delete_user(path: UserPath, query: HeirQuery) -> Response:
    """Remove a user; their collections go to the heir. For administrators."""
    if auth.current_account().id == path.user_id:
        raise ConflictError("You cannot remove yourself. Ask another administrator.")
    with current_services().catalog.transaction() as session:
        remove_user(session, path.user_id, query.heir_id)
    return no_content()


@accounts.get(f"{_ONE_USER}/tokens", responses={200: Tokens})
@access(ADMIN)
def list_tokens_of_user(path: UserPath) -> Response:
    """A user's access tokens, the newest first; for administrators."""
    with current_services().catalog.snapshot() as session:
        rows = tokens_of(session, user_by_id(session, path.user_id))
    return answer(Tokens(tokens=[Token.of(row) for row in rows]))


@accounts.delete(f"{_ONE_USER}{_ONE_TOKEN}", responses={204: None})
@access(ADMIN)
def remove_token_of_user(path: UserTokenPath) -> Response:
    """End an access token of a user; for administrators."""
    with current_services().catalog.transaction() as session:
        revoke_token(session, user_by_id(session, path.user_id), path.token_id)
    return no_content()
