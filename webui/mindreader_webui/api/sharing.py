"""Who may look at a collection."""

from flask import Response
from sqlalchemy.orm import Session

from mindreader.library.sharing import people_of, share_with, unshare
from mindreader_webui.access import USER
from mindreader_webui.api.common import answer, blueprint, id_in_path, no_content
from mindreader_webui.api.schemas.collections import CollectionPath
from mindreader_webui.api.schemas.sharing import People, Person, PersonName, PersonPath
from mindreader_webui.auth import current_account
from mindreader_webui.services import current_services

sharing = blueprint("sharing", __name__, "Collections shared with people", USER)

_PEOPLE = f"/collections/{id_in_path('collection_id')}/people"


@sharing.get(_PEOPLE, responses={200: People})
def list_people(path: CollectionPath) -> Response:
    """The people a collection is shared with; for its owner and administrators."""
    with current_services().catalog.snapshot() as session:
        return _people(session, path.collection_id)


@sharing.post(_PEOPLE, responses={200: People})
def add_person(path: CollectionPath, body: PersonName) -> Response:
    """Let a person look at the collection; for its owner and administrators."""
    with current_services().catalog.transaction() as session:
        share_with(session, current_account(), path.collection_id, body.name)
        session.flush()
        return _people(session, path.collection_id)


@sharing.delete(f"{_PEOPLE}/{id_in_path('person_id')}", responses={204: None})
def remove_person(path: PersonPath) -> Response:
    """Take the collection back from a person; for its owner, administrators and that person."""
    with current_services().catalog.transaction() as session:
        unshare(session, current_account(), path.collection_id, path.person_id)
    return no_content()


def _people(session: Session, collection_id: int) -> Response:
    found = people_of(session, current_account(), collection_id)
    return answer(People(people=[Person(id=person.id, name=person.name) for person in found]))
