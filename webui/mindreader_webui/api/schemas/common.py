"""The shapes of requests and answers."""

from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mindreader_webui.api.common import MAX_ID

Id = Annotated[int, Field(ge=1, le=MAX_ID)]
# The catalog keeps UTC without saying so; answers say so.
Moment = Annotated[datetime, AfterValidator(lambda moment: moment.replace(tzinfo=UTC))]


def utc(moment: datetime) -> datetime:
    """The moment as the catalog keeps it; what lies beyond the calendar is its first or last moment."""
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        return datetime.min if moment.year == 1 else datetime.max


class Request(BaseModel):
    """What a caller sends; a misspelt field is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As pydantic; made once where nothing else is said: flask-openapi3 asks for it at each request, for 5 ms."""
        return super().model_json_schema(*args, **kwargs) if args or kwargs else _schema(cls)


@cache
def _schema(request: type[Request]) -> dict[str, Any]:
    return super(Request, request).model_json_schema()


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="Stable name of the kind of error, a URN.")
    title: str
    status: int
    detail: str = Field(description="What happened and what to do, for a person.")
    instance: str
    request_id: str = Field(description="Also in the header X-Request-ID and in the logs of server and worker.")
    errors: list[dict[str, str]] | None = Field(None, description="Each field that cannot be used, with the reason.")


class EmbeddingCounts(BaseModel):
    """Photos by where they stand on their way into the photo index."""

    pending: int
    leased: int
    indexed: int
    failed: int
    skipped: int
