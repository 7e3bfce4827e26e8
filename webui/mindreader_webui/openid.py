"""Signing in at an OpenID Connect provider: authorization code with PKCE, state and nonce, which the cookie remembers.

What goes wrong there is told on the page it was begun on; signing in with a password asks the provider nothing.
"""

from __future__ import annotations

import logging
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from flask import Flask, current_app, request
from flask import session as session_cookie
from joserfc.errors import JoseError

from mindreader.accounts.identities import Admission, Identity
from mindreader.errors import ErrorKind, MindReaderError
from mindreader.settings import Settings
from mindreader.text import visible_text

log = logging.getLogger(__name__)

_NAME = "openid"
_STATES = f"_state_{_NAME}_"
_SECONDS = 10
_LONGEST_REASON = 200
_SIGNED = ("RS", "PS", "ES", "Ed")
"""How names of algorithms begin that prove who signed; a secret of ours, or none, does not."""
_AS_PUBLIC_CLIENT = {"token_endpoint_auth_method": "none"}  # nosec B105  # the protocol's word for "without a secret"
_BROKEN = (AuthlibBaseError, JoseError, requests.RequestException, RuntimeError, ValueError, KeyError, TypeError)
"""What Authlib raises over a provider that answers something else than it should."""


class ProviderError(MindReaderError):
    """The provider refused, is away, or answered what cannot be trusted."""

    kind = ErrorKind("sign-in-failed", 502, "Signing in did not work")


def init_openid(app: Flask, settings: Settings) -> None:
    """Know the provider of the settings, if they name one; it is asked for its addresses when it is first needed."""
    if not settings.openid_issuer:
        return
    OAuth(app).register(
        _NAME,
        client_id=settings.openid_client_id,
        client_secret=settings.openid_client_secret.get_secret_value() or None,
        server_metadata_url=f"{settings.openid_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": settings.openid_scopes,
            "code_challenge_method": "S256",
            "default_timeout": _SECONDS,
            **({} if settings.openid_client_secret.get_secret_value() else _AS_PUBLIC_CLIENT),
        },
    )


def has_provider() -> bool:
    """Whether people may sign in this way."""
    return "authlib.integrations.flask_client" in current_app.extensions


def address_to_begin(settings: Settings, callback: str) -> str:
    """Where a browser goes to sign in; its cookie remembers what to expect of the answer.

    Args:
        callback: address that the provider sends the browser back to.

    Raises:
        ProviderError: the provider is away, or says of itself what cannot be.
    """
    # One at a time: those of tabs that were closed would fill the cookie.
    for key in [key for key in session_cookie if key.startswith(_STATES)]:
        session_cookie.pop(key)
    try:
        client = _client(settings)
        begun: dict[str, Any] = client.create_authorization_url(callback)
        client.save_authorize_data(redirect_uri=callback, **begun)
    except _BROKEN as error:
        raise _told(settings, error) from error
    return str(begun["url"])


def identity_of_answer(settings: Settings) -> Identity:
    """Who has signed in, by the request the provider sent the browser back with.

    Raises:
        ProviderError: this browser did not begin it, the provider refused, is away, or answered what cannot be trusted.
    """
    if f"{_STATES}{request.args.get('state')}" not in session_cookie:
        raise ProviderError("This sign-in was begun in another browser, or too long ago. Begin again.")
    try:
        client = _client(settings)
        if request.args.get("iss", client.server_metadata["issuer"]) != client.server_metadata["issuer"]:
            raise ValueError("the answer comes from another issuer")
        token = client.authorize_access_token()
        claims = dict(token["userinfo"])
        if client.server_metadata.get("userinfo_endpoint"):
            more = client.userinfo(token=token)
            if more.get("sub") != claims["sub"]:
                raise ValueError("the userinfo endpoint speaks of somebody else")
            claims |= more
        return _identity(client.server_metadata["issuer"], claims, settings.openid_groups_claim)
    except _BROKEN as error:
        raise _told(settings, error) from error


def address_to_sign_out(settings: Settings, back: str) -> str | None:
    """Where a browser goes to sign out of the provider too; None where it offers nothing, or is away.

    Args:
        back: address that the provider sends the browser back to.
    """
    try:
        client = _client(settings)
        if not client.server_metadata.get("end_session_endpoint"):
            return None
        found = client.create_logout_url(post_logout_redirect_uri=back, client_id=settings.openid_client_id)
        return str(found["url"])
    except _BROKEN as error:
        log.warning("nobody was signed out of %s: %s", settings.openid_issuer, error)
        return None


def admission_of(settings: Settings) -> Admission:
    """Whom the settings let in."""
    return Admission(
        create_accounts=settings.openid_create_accounts,
        link_emails=settings.openid_link_emails,
        allowed_groups=_names(settings.openid_allowed_groups),
        allowed_domains=_names(settings.openid_allowed_domains.lower()),
        admin_groups=_names(settings.openid_admin_groups),
    )


def _client(settings: Settings) -> FlaskOAuth2App:
    """The provider, whose own word about itself was looked at."""
    client = current_app.extensions["authlib.integrations.flask_client"].create_client(_NAME)
    metadata = client.load_server_metadata()
    if str(metadata["issuer"]).rstrip("/") != settings.openid_issuer.rstrip("/"):
        client.server_metadata.clear()
        raise ValueError(f"it calls itself {metadata['issuer']}, not {settings.openid_issuer}")
    algorithms = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    metadata["id_token_signing_alg_values_supported"] = [each for each in algorithms if each.startswith(_SIGNED)]
    return client


def _identity(issuer: str, claims: dict[str, Any], groups_claim: str) -> Identity:
    email = claims.get("email")
    is_verified = isinstance(email, str) and claims.get("email_verified") is True
    named = (claims.get(name) for name in ("preferred_username", "name", "nickname", "email"))
    groups = claims.get(groups_claim) or []
    return Identity(
        issuer=issuer,
        subject=str(claims["sub"])[:255],
        names=tuple(name for name in named if isinstance(name, str)),
        verified_email=email if is_verified else None,
        groups=frozenset(map(str, groups if isinstance(groups, list) else [groups])),
    )


def _told(settings: Settings, error: Exception) -> ProviderError:
    """What a person reads of it; the log says the rest."""
    label = settings.openid_label
    log.warning("signing in at %s failed: %s: %s", settings.openid_issuer, type(error).__name__, error)
    if isinstance(error, requests.RequestException):
        return ProviderError("{label} cannot be reached. Sign in with a password, or try again later.", label=label)
    refusal = request.args.get("error") if isinstance(error, AuthlibBaseError) else None
    if refusal == "access_denied":
        return ProviderError("{label} did not let you in, or you chose not to sign in there.", label=label)
    if refusal:
        reason = visible_text(request.args.get("error_description") or refusal)[:_LONGEST_REASON]
        return ProviderError("{label} refused: {reason}", label=label, reason=reason)
    return ProviderError(
        "{label} answered something that cannot be trusted. Sign in with a password, and tell an administrator.",
        label=label,
    )


def _names(listed: str) -> frozenset[str]:
    return frozenset(name.strip() for name in listed.split(",") if name.strip())
