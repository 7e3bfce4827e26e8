"""Look at what a search would make of a picture of a drawing, and correct it."""

import numpy as np
from flask import Response, request

from mindreader.catalog import TokenScope
from mindreader.imaging import Reading, decoders
from mindreader_webui.access import USER, access, sketch_body
from mindreader_webui.api.common import answer, blueprint, multipart
from mindreader_webui.api.schemas.drawing_previews import DrawingPreviewForm, DrawnPreview
from mindreader_webui.lanes import Lane
from mindreader_webui.problems import invalid_fields
from mindreader_webui.services import current_services

drawing_previews = blueprint("drawing_previews", __name__, "Search by a sketch", USER)

_SIDE = 1024
"""Most pixels of the picture shown."""


@drawing_previews.post(
    "/drawing-previews", responses={200: DrawnPreview}, openapi_extensions=multipart(DrawingPreviewForm)
)
@access(USER, scope=TokenScope.READ, max_body=sketch_body, rate="search_rate", lane=Lane.WORKER)
def preview_drawing() -> Response:
    """Make strokes of a picture of a drawing, without searching; nothing of it is kept."""
    settings, form = current_services().settings, _sent_form()
    preview = decoders(settings).drawing_preview(
        form.sketch,
        max_bytes=settings.sketch_max_bytes,
        side=_SIDE,
        reading=Reading(form.reading),
        corners=np.reshape(form.corner, (4, 2)) if form.corner else None,
    )
    return answer(DrawnPreview.of(preview))


def _sent_form() -> DrawingPreviewForm:
    sketch = request.files.get("sketch")
    sent = {name: request.form[name] for name in ("reading",) if name in request.form}
    content = {} if sketch is None else {"sketch": sketch.stream.read()}
    with invalid_fields():
        return DrawingPreviewForm.model_validate({**sent, **content, "corner": request.form.getlist("corner")})
