"""What photos are in the photo libraries they were taken over from."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, NaiveDatetime, ValidationError

from mindreader.catalog import Photo as PhotoRow
from mindreader.errors import MindReaderError
from mindreader.library.files.origins import LONGEST_ID, LONGEST_URL, Origin, OriginKind
from mindreader_webui.api.schemas.bulk import MOST
from mindreader_webui.api.schemas.common import Request
from mindreader_webui.problems import InvalidFieldsError

_ExternalId = Annotated[str, Field(min_length=1, max_length=LONGEST_ID, description="What the photo is called there.")]


class NewOrigin(Request):
    """What a photo is in another library."""

    kind: OriginKind
    id: _ExternalId
    url: str = Field(max_length=LONGEST_URL, description="Its page there, with http:// or https://.")

    @property
    def origin(self) -> Origin:
        """This, checked.

        Raises:
            InvalidInputError: it is no address of a web page.
        """
        return Origin(self.kind, self.id, self.url)


class SentOrigin(NewOrigin):
    """The same, sent with a file."""

    taken_at: NaiveDatetime | None = Field(
        None, description="When it was taken, as that library says, by the camera's own clock."
    )


class PhotoOrigin(BaseModel):
    """Where a photo comes from."""

    kind: OriginKind
    url: str = Field(description="Its page there.")


class OriginIds(Request):
    """Photos of another library that may be here already."""

    kind: OriginKind
    ids: list[_ExternalId] = Field(min_length=1, max_length=MOST)


class TakenOver(BaseModel):
    """A photo of the caller's that comes from one that was asked about."""

    id: str
    photo_id: int
    collection_id: int
    collection: str

    @classmethod
    def of(cls, external_id: str, row: PhotoRow) -> "TakenOver":
        """From the catalog."""
        return cls(id=external_id, photo_id=row.id, collection_id=row.collection_id, collection=row.collection.name)


class AllTakenOver(BaseModel):
    """Those that are here already; one that is in several collections comes as often."""

    existing: list[TakenOver]


def sent_origin(text: str) -> tuple[Origin | None, datetime | None]:
    """Where a file that is uploaded comes from, and when it was taken, as was sent with it.

    Raises:
        InvalidFieldsError: it is no `SentOrigin`.
    """
    if not text:
        return None, None
    try:
        sent = SentOrigin.model_validate_json(text)
        return sent.origin, sent.taken_at
    except ValidationError as error:
        raise InvalidFieldsError.from_validation(error) from None
    except MindReaderError as error:
        raise InvalidFieldsError([{"field": "origin", "message": str(error)}]) from None
