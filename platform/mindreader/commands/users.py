"""`mindreader users`: the accounts of this installation, by whoever may read and write its catalog."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mindreader.errors import ConflictError, NotReadyError
from mindreader.settings import keep_private, load_settings

if TYPE_CHECKING:
    from mindreader.catalog import Catalog, User

Command = TypeVar("Command", bound=Callable[..., Any])

_GENERATED_BYTES = 15
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_name = click.argument("name", metavar="NAME")


def _password_options(command: Command) -> Command:
    stdin = click.option("--password-stdin", is_flag=True, help="Read the password from the first line of the input.")
    generate = click.option("--generate", is_flag=True, help="Make a password nobody can guess; print it this once.")
    return stdin(generate(command))


@click.group()
def users() -> None:
    """The accounts: list, add, reset a password, disable, enable.

    Works on the catalog that the settings name, whether the server runs or not, and takes effect at once. No password
    ever stands on the command line: it is asked for, read from the input, or made.
    """


@users.command("list")
@_json
def list_users(as_json: bool) -> None:
    """Everyone, by name."""
    from mindreader.accounts.users import users as everyone

    with _catalog() as catalog, catalog.snapshot() as session:
        found = [_described(user) for user in everyone(session)]
    if as_json:
        click.echo(json.dumps({"users": found}, indent=2))
        return
    for user in found:
        state = "disabled" if user["disabled"] else ("" if user["has_password"] else "without a password")
        click.echo(f"{user['id']:5}  {user['role']:6}  {_printable(user['name'])}{f'  ({state})' if state else ''}")


@users.command()
@_name
@click.option("--admin", is_flag=True, help="An administrator, not a member; the very first account has to be one.")
@_password_options
@_json
def add(name: str, admin: bool, password_stdin: bool, generate: bool, as_json: bool) -> None:
    """Add the account NAME."""
    from mindreader.accounts.users import create_first_administrator, create_user, users_exist
    from mindreader.catalog import Role

    with _catalog() as catalog:
        with catalog.snapshot() as session:
            is_first = not users_exist(session)
        if is_first and not admin:
            raise ConflictError("The first account has to be an administrator. Add --admin.")
        password = _password(password_stdin, generate)
        if is_first:
            user = create_first_administrator(catalog, name, password)
        else:
            user = create_user(catalog, name, password, Role.ADMIN if admin else Role.MEMBER)
    _say(user, "is added", as_json, password if generate else None)


@users.command()
@_name
@click.option("--keep-tokens", is_flag=True, help="Let the access tokens of the account go on working.")
@_password_options
@_json
def reset_password(name: str, keep_tokens: bool, password_stdin: bool, generate: bool, as_json: bool) -> None:
    """Give the account NAME another password; its sessions end with it, and its access tokens."""
    from mindreader.accounts.users import set_password, user_named

    with _catalog() as catalog:
        with catalog.snapshot() as session:
            user_id = user_named(session, name).id
        password = _password(password_stdin, generate)
        user = set_password(catalog, user_id, password, end_tokens=not keep_tokens)
    _say(user, "has another password", as_json, password if generate else None)


@users.command()
@_name
@_json
def disable(name: str, as_json: bool) -> None:
    """Let nobody in with the account NAME; its sessions and access tokens end at once. Nothing of it is deleted."""
    from mindreader.accounts.users import disable_user, user_named

    with _catalog() as catalog, catalog.transaction() as session:
        user = disable_user(session, user_named(session, name).id)
    _say(user, "is disabled", as_json)


@users.command()
@_name
@_json
def enable(name: str, as_json: bool) -> None:
    """Let the account NAME in again, with the password it had."""
    from mindreader.accounts.users import enable_user, user_named

    with _catalog() as catalog, catalog.transaction() as session:
        user = enable_user(session, user_named(session, name).id)
    _say(user, "is enabled", as_json)


@contextmanager
def _catalog() -> Iterator[Catalog]:
    """The catalog of the settings, where its tables are those of this version.

    Raises:
        NotReadyError: they are not, or there are none yet.
    """
    from mindreader.catalog import Catalog
    from mindreader.catalog.copying import latest_revision, revision_of

    settings = load_settings()
    keep_private(settings)
    catalog = Catalog(settings.catalog_url)
    try:
        with catalog.engine.connect() as connection:
            if revision_of(connection) != latest_revision():
                raise NotReadyError(
                    "The catalog is not there yet, or of another version of MindReader. Run `mindreader migrate`, or "
                    "start the server once; MINDREADER_DATA_DIR and MINDREADER_DATABASE_URL say where it is."
                )
        yield catalog
    finally:
        catalog.close()


def _password(from_stdin: bool, generate: bool) -> str:
    """The password the options ask for; asked for twice where they say nothing."""
    import secrets

    if from_stdin and generate:
        raise click.UsageError("Take one of --password-stdin and --generate.")
    if generate:
        return secrets.token_urlsafe(_GENERATED_BYTES)
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask for the password: add --password-stdin or --generate.")
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return asked


def _described(user: User) -> dict[str, Any]:
    from mindreader.accounts.users import NO_PASSWORD

    return {
        "id": user.id,
        "name": user.name,
        "role": user.role,
        "disabled": user.disabled_at is not None,
        "has_password": user.password_hash != NO_PASSWORD,
        "created_at": f"{user.created_at.isoformat(timespec='seconds')}Z",
    }


def _say(user: User, sentence: str, as_json: bool, password: str | None = None) -> None:
    """What became of the account, and a password that was made, this once."""
    if as_json:
        click.echo(json.dumps({"user": _described(user), **({"password": password} if password else {})}, indent=2))
        return
    click.echo(f"{_printable(user.name)} {sentence}.")
    if password:
        click.echo(f"Password, shown only now: {password}")


def _printable(name: str) -> str:
    from mindreader.text import visible_text

    return visible_text(name)
