"""The HTTP API, `/api/v1`: JSON in, JSON out, problem documents for errors."""

from typing import Any

from mindreader_webui.api.accounts import accounts
from mindreader_webui.api.bulk import bulk
from mindreader_webui.api.collections import collections
from mindreader_webui.api.comparisons import comparisons
from mindreader_webui.api.drawing_previews import drawing_previews
from mindreader_webui.api.folders import folders
from mindreader_webui.api.identities import identities
from mindreader_webui.api.jobs import jobs
from mindreader_webui.api.learning import learning
from mindreader_webui.api.models import models
from mindreader_webui.api.origins import origins
from mindreader_webui.api.photo_lists import photo_lists
from mindreader_webui.api.photos import photos
from mindreader_webui.api.public_links import public_links, visits
from mindreader_webui.api.searches import searches
from mindreader_webui.api.sharing import sharing
from mindreader_webui.api.similar import similar
from mindreader_webui.api.spaces import spaces
from mindreader_webui.api.system import system
from mindreader_webui.api.trash import trash
from mindreader_webui.api.user_sketches import user_sketches

BLUEPRINTS = (
    accounts,
    identities,
    collections,
    folders,
    sharing,
    public_links,
    visits,
    photos,
    origins,
    photo_lists,
    bulk,
    trash,
    searches,
    drawing_previews,
    user_sketches,
    models,
    learning,
    similar,
    spaces,
    jobs,
    comparisons,
    system,
)

SECURITY_SCHEMES: dict[str, Any] = {
    "token": {"type": "http", "scheme": "bearer", "description": "An access token, made on the account page."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "mindreader_session",
        "description": "A browser's session; changing anything also needs the header X-CSRFToken. With "
        "MINDREADER_SECURE_COOKIES the name begins with `__Host-`.",
    },
}
