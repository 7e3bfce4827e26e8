"""People a collection is shared with."""

from pydantic import BaseModel

from mindreader_webui.api.schemas.collections import CollectionPath
from mindreader_webui.api.schemas.common import Request


class PersonName(Request):
    """A person to share with."""

    name: str


class PersonPath(CollectionPath):
    """A person a collection is shared with."""

    person_id: int


class Person(BaseModel):
    """Somebody who may look at the collection."""

    id: int
    name: str


class People(BaseModel):
    """Everyone the collection is shared with by name."""

    people: list[Person]
