"""What is asked of one photo alone."""

from pydantic import BaseModel, Field

from mindreader_webui.api.schemas.origins import PhotoOrigin
from mindreader_webui.api.schemas.searches import MOST_COPIES, PhotoCopy


class CameraDetails(BaseModel):
    """How a photo was taken, as its file says; null stands for what it does not say."""

    name: str | None = Field(description="Maker and model of the camera.")
    lens: str | None
    exposure_seconds: float | None
    f_number: float | None
    iso: float | None
    focal_length_mm: float | None


class PhotoDetails(BaseModel):
    """How a photo was taken, and other photos with the same bytes that the caller may see."""

    camera: CameraDetails
    origins: list[PhotoOrigin] = Field(description="Pages of the photo in libraries it was taken over from.")
    also_in: list[PhotoCopy] = Field(max_length=MOST_COPIES, description="The first of them.")
    also_in_count: int = Field(description="How many there are.")
