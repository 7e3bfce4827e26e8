"""How people come in besides their password: who they are at an OpenID Connect provider."""

from flask import Response

from mindreader.accounts.identities import disconnect, identities_of
from mindreader.catalog import TokenScope
from mindreader.errors import ForbiddenError
from mindreader_webui.access import USER, access
from mindreader_webui.api.common import answer, blueprint, id_in_path, no_content
from mindreader_webui.api.schemas.identities import Address, Identities, Identity, IdentityPath
from mindreader_webui.auth import asked_by_token, current_account
from mindreader_webui.lanes import Lane
from mindreader_webui.openid import has_provider
from mindreader_webui.openid_pages import begin_to_connect
from mindreader_webui.services import current_services

identities = blueprint("identities", __name__, "Signing in at a provider (OpenID Connect)", USER)


@identities.get("/identities", responses={200: Identities})
@access(USER, scope=TokenScope.FULL)
def list_identities() -> Response:
    """Who the caller is at the provider, the oldest first."""
    with current_services().catalog.snapshot() as session:
        rows = identities_of(session, current_account())
    return answer(Identities(identities=[Identity.of(row) for row in rows]))


@identities.post("/identities", responses={200: Address})
@access(USER, scope=TokenScope.FULL, rate="login_rate", lane=Lane.WORKER)
def add_identity() -> Response:
    """Where a browser goes to connect the caller's account with the provider; for people, not for programs."""
    if has_provider() and asked_by_token():
        raise ForbiddenError("A program cannot sign in at the provider. Do this on the page Account.")
    return answer(Address(url=begin_to_connect(current_account().id)))


@identities.delete(f"/identities/{id_in_path('identity_id')}", responses={204: None})
@access(USER, scope=TokenScope.FULL)
def remove_identity(path: IdentityPath) -> Response:
    """Let the caller no longer come in this way."""
    with current_services().catalog.transaction() as session:
        disconnect(session, current_account(), path.identity_id)
    return no_content()
