"""Public links: make, list, revoke; and what their visitors ask for, who need no account."""

from collections.abc import Sequence

from flask import Response, send_file, url_for

from mindreader.blobs import sketch_key
from mindreader.catalog import Photo, PublicLink, Role
from mindreader.errors import ForbiddenError, NotFoundError
from mindreader.imaging import THUMBNAIL_MEDIA_TYPE
from mindreader.public_links.links import (
    FoundPhotos,
    all_links,
    link_to_collection,
    link_to_search,
    links_of,
    links_to,
    revoke_link,
)
from mindreader.public_links.visits import count_linked, link_of, linked_page, linked_photo
from mindreader_webui.access import ANYONE, USER, access
from mindreader_webui.api.common import NO_SECURITY, answer, blueprint, id_in_path, no_content
from mindreader_webui.api.photo_files import original_of, preview_of, thumbnail_of
from mindreader_webui.api.responses import image_response
from mindreader_webui.api.schemas import public_links as schemas
from mindreader_webui.auth import current_account
from mindreader_webui.lanes import Lane
from mindreader_webui.services import current_services

public_links = blueprint("public_links", __name__, "Links that show photos without an account", USER)
visits = blueprint("visits", __name__, "What a public link shows, to whoever has it", ANYONE)

_VISITED = "/public/<string(length=43):link_secret>"
_VISITED_PHOTO = f"{_VISITED}/photos/{id_in_path('photo_id')}"
_RATE = "public_link_rate"


@public_links.get("/public-links", responses={200: schemas.PublicLinks})
def list_links(query: schemas.PublicLinksQuery) -> Response:
    """The caller's public links; everybody's to a collection, for those who may change it; or everybody's at all."""
    services = current_services()
    with services.catalog.snapshot() as session:
        if query.collection_id is not None:
            rows = links_to(session, current_account(), query.collection_id)
        elif query.everyone:
            _refuse_members()
            rows = all_links(session)
        else:
            rows = links_of(session, current_account())
    return answer(schemas.PublicLinks(links=_shown(rows), allowed=services.settings.public_links))


@public_links.post("/public-links", responses={201: schemas.IssuedPublicLink})
def add_link(body: schemas.NewPublicLink) -> Response:
    """Make a link to a collection, or to what one of the caller's searches found; its address is shown this once.

    For the collection's owner and administrators. Of a search's photos it shows those the caller may share.
    """
    services, user = current_services(), current_account()
    if not services.settings.public_links:
        raise ForbiddenError("Public links are switched off here. Share with people by name, or ask an administrator.")
    photos = None
    with services.catalog.transaction() as session:
        if body.collection_id is not None:
            row, secret = link_to_collection(session, user, body.collection_id, body.terms)
        else:
            found = FoundPhotos(body.search_id or 0, body.photo_ids, body.title)
            row, secret, photos = link_to_search(session, user, found, body.terms)
        made = schemas.PublicLink.of(row, user.name)
    address = url_for("pages.public_link", link_secret=secret, _external=True)
    return answer(schemas.IssuedPublicLink(**made.model_dump(), url=address, photos=photos), 201)


@public_links.delete(f"/public-links/{id_in_path('link_id')}", responses={204: None})
def remove_link(path: schemas.PublicLinkPath) -> Response:
    """End a public link; for who made it, who may change its collection, and administrators."""
    services = current_services()
    with services.catalog.transaction() as session:
        unused = revoke_link(session, current_account(), path.link_id)
    for digest in unused:
        services.blobs.delete(sketch_key(digest))
    return no_content()


@visits.get(_VISITED, responses={200: schemas.Visit}, security=NO_SECURITY)
@access(ANYONE, rate=_RATE)
def visit(path: schemas.VisitPath) -> Response:
    """What a public link shows; for whoever has its secret, as all that follows."""
    link = visited_link(path.link_secret)
    with current_services().catalog.snapshot() as session:
        sketch = f"{schemas.visit_url(path.link_secret)}/sketch" if link.sketch_sha256 else None
        shown = schemas.Visit(
            title=link_title(link),
            photos=count_linked(session, link),
            downloads=link.downloads,
            sketch_url=sketch,
            expires_at=link.expires_at,
        )
    return answer(shown)


@visits.get(f"{_VISITED}/photos", responses={200: schemas.VisitedPhotos}, security=NO_SECURITY)
@access(ANYONE, rate=_RATE)
def visit_photos(path: schemas.VisitPath, query: schemas.VisitQuery) -> Response:
    """The photos of a public link, page by page: of a collection the newest first, of a search the best first."""
    link = visited_link(path.link_secret)
    with current_services().catalog.snapshot() as session:
        page = linked_page(session, link, query.after, query.limit)
    photos = [schemas.VisitedPhoto.of(row, path.link_secret, downloads=link.downloads) for row in page.items]
    return answer(schemas.VisitedPhotos(photos=photos, next=page.next))


@visits.get(f"{_VISITED}/sketch", responses=image_response("image/png"), security=NO_SECURITY)
@access(ANYONE, rate=_RATE)
def visit_sketch(path: schemas.VisitPath) -> Response:
    """The sketch whose search found the photos of a public link."""
    link = visited_link(path.link_secret)
    if link.sketch_sha256 is None:
        raise NotFoundError("This link shows a collection: there is no sketch.")
    content = current_services().blobs.open(sketch_key(link.sketch_sha256))
    return _asked_for_again(send_file(content, "image/png"))


@visits.get(f"{_VISITED_PHOTO}/thumbnail", responses=image_response(THUMBNAIL_MEDIA_TYPE), security=NO_SECURITY)
@access(ANYONE, rate=_RATE)
def visit_thumbnail(path: schemas.VisitedPhotoPath) -> Response:
    """A small copy of a photo of a public link, without anything the camera wrote."""
    photo, _ = _visited_photo(path)
    return _asked_for_again(thumbnail_of(photo, *_without_its_name(photo)))


@visits.get(f"{_VISITED_PHOTO}/preview", responses=image_response(THUMBNAIL_MEDIA_TYPE), security=NO_SECURITY)
@access(ANYONE, rate=_RATE, lane=Lane.LONG)
def visit_preview(path: schemas.VisitedPhotoPath) -> Response:
    """A large copy of a photo of a public link, without anything the camera wrote."""
    photo, _ = _visited_photo(path)
    return _asked_for_again(preview_of(photo, *_without_its_name(photo)))


@visits.get(f"{_VISITED_PHOTO}/original", responses=image_response("image/*"), security=NO_SECURITY)
@access(ANYONE, rate=_RATE)
def visit_original(path: schemas.VisitedPhotoPath) -> Response:
    """A photo of a public link as it was uploaded, where the link allows downloads."""
    photo, link = _visited_photo(path)
    if not link.downloads:
        raise ForbiddenError("This link shows photos, and gives none away. Ask whoever gave it to you.")
    return _asked_for_again(original_of(photo, as_attachment=True))


@visits.after_request
def _not_for_search_engines(response: Response) -> Response:
    return not_for_search_engines(response)


def not_for_search_engines(response: Response) -> Response:
    """Ask those who index the web to leave this out, and browsers to tell no other site where they come from."""
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def visited_link(secret: str) -> PublicLink:
    """The link of this secret.

    Raises:
        NotFoundError: as `link_of`; also while public links are switched off.
    """
    services = current_services()
    with services.catalog.snapshot() as session:
        return link_of(session, secret if services.settings.public_links else "")


def link_title(link: PublicLink) -> str:
    """What a visitor reads above the photos: a collection's present name, or what the maker wrote."""
    return link.collection.name if link.collection is not None else link.title


def _visited_photo(path: schemas.VisitedPhotoPath) -> tuple[Photo, PublicLink]:
    link = visited_link(path.link_secret)
    with current_services().catalog.snapshot() as session:
        return linked_photo(session, link, path.photo_id), link


def _without_its_name(photo: Photo) -> tuple[str, str]:
    """Name and tag of its small copies: what the file was called, and its checksum, stay here."""
    return f"photo-{photo.id}", f"public-{photo.id}"


def _asked_for_again(response: Response) -> Response:
    """Let browsers keep a picture, and ask each time whether the link still shows it."""
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _shown(rows: Sequence[PublicLink]) -> list[schemas.PublicLink]:
    return [schemas.PublicLink.of(row, row.user.name) for row in rows]


def _refuse_members() -> None:
    if current_account().role != Role.ADMIN:
        raise ForbiddenError("Only administrators see everybody's links.")
