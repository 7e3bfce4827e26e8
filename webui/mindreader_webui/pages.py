"""The pages. They carry almost no data: their modules ask the HTTP API."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import RequestEntityTooLarge

from mindreader.accounts.users import NO_PASSWORD, users_exist
from mindreader.catalog import User
from mindreader.embedding.jobs import job_view
from mindreader.errors import NotSignedInError
from mindreader.library.collections import visible_collection
from mindreader.library.photos import sees_photos
from mindreader.public_links.visits import note_opening
from mindreader_webui.access import ADMIN, ANYONE, USER, access, access_to_all
from mindreader_webui.api.public_links import link_title, not_for_search_engines, visited_link
from mindreader_webui.auth import current_account
from mindreader_webui.openid import has_provider
from mindreader_webui.openid_pages import address_after_sign_out, local_target, taken_problem
from mindreader_webui.services import current_services

pages = Blueprint("pages", __name__)
access_to_all(pages, USER)

_HOME = "/"


@pages.errorhandler(NotSignedInError)
def _ask_to_sign_in(_error: NotSignedInError) -> Any:
    if not _is_set_up():
        return redirect("/setup")
    return redirect(f"/sign-in?next={quote(request.full_path.rstrip('?'), safe='')}")


@pages.app_context_processor
def _user() -> dict[str, User | None]:
    try:
        return {"user": current_user.account if current_user.is_authenticated else None}
    except SQLAlchemyError:  # the page that says the catalog is away must itself be shown
        return {"user": None}


@pages.app_context_processor
def _trash() -> dict[str, int]:
    return {"trash_days": current_services().settings.trash_days}


@pages.after_request
def _always_fresh(response: Response) -> Response:
    # A page holds the visitor's name and CSRF token: neither shared caches nor the back button may keep it.
    files = request.endpoint in ("pages.manifest", "pages.service_worker")
    response.headers["Cache-Control"] = "no-cache" if files else "no-store"
    return response


@pages.get("/setup")
@access(ANYONE)
def set_up() -> Any:
    """Make the first administrator."""
    return redirect(_HOME) if _is_set_up() else render_template("setup.html")


@pages.get("/sign-in")
@access(ANYONE)
def sign_in() -> Any:
    """Sign in, then go on to the page that was asked for."""
    target = local_target(request.args.get("next", _HOME))
    if current_user.is_authenticated:
        return redirect(target)
    if not _is_set_up():
        return redirect("/setup")
    if address := address_after_sign_out():
        return redirect(address)
    return render_template("sign_in.html", next=target, provider=_provider(), problem=taken_problem())


@pages.get("/")
def draw() -> str:
    """Draw a sketch and see what it finds."""
    with current_services().catalog.snapshot() as session:
        return render_template("draw.html", has_photos=sees_photos(session, current_account()))


@pages.get("/upload")
def upload() -> str:
    """Upload photos."""
    return render_template("upload.html")


@pages.get("/photos")
def photos() -> str:
    """All photos the visitor may see, by date."""
    return render_template("photos.html")


@pages.get("/library")
def library() -> str:
    """All collections."""
    return render_template("library.html")


@pages.get("/library/<int(max=2147483647):collection_id>")
def collection(collection_id: int) -> str:
    """One collection."""
    with current_services().catalog.snapshot() as session:
        shown = visible_collection(session, current_account(), collection_id)
    return render_template("collection.html", collection=shown)


@pages.get("/shared/<string(length=43):link_secret>")
@access(ANYONE, rate="public_link_rate")
def public_link(link_secret: str) -> Response:
    """What a public link shows, to whoever has it."""
    link = visited_link(link_secret)
    if request.method == "GET":
        note_opening(current_services().catalog, link)
    page = render_template("public_link.html", title=link_title(link), secret=link_secret)
    return not_for_search_engines(make_response(page))


@pages.get("/share")
def share() -> str:
    """What another app shared, and what to do with it: it lies in the browser."""
    return render_template("share.html")


@pages.post("/share-target")
@access(ANYONE)
def share_target() -> Any:
    """Where the system posts what is shared, without a token of ours: for the service worker, which sends none of it.

    Where there is none (any more), it comes here and is not looked at; the page it leads to brings the service worker.
    """
    return redirect("/share", 303)


@pages.errorhandler(RequestEntityTooLarge)
def _not_looked_at(error: RequestEntityTooLarge) -> Any:
    return redirect("/share", 303) if request.endpoint == "pages.share_target" else error


@pages.get("/trash")
def trash() -> str:
    """What was deleted and can be restored."""
    return render_template("trash.html")


@pages.get("/account")
def account() -> str:
    """Access tokens, and the way out."""
    has_password = current_account().password_hash != NO_PASSWORD
    return render_template("account.html", provider=_provider(), problem=taken_problem(), has_password=has_password)


@pages.get("/quality")
def quality() -> str:
    """How well photos of each of the visitor's categories lie together."""
    return render_template("quality.html")


@pages.get("/admin")
@access(ADMIN)
def admin() -> Any:
    """The first page for administrators."""
    return redirect("/admin/models")


@pages.get("/admin/models")
@access(ADMIN)
def admin_models() -> str:
    """Model versions: bring in, build, switch, go back."""
    return render_template("admin_models.html")


@pages.get("/admin/jobs")
@access(ADMIN)
def admin_jobs() -> str:
    """All jobs, live."""
    return render_template("admin_jobs.html")


@pages.get("/admin/jobs/<int(max=2147483647):job_id>")
@access(ADMIN)
def admin_job(job_id: int) -> str:
    """One job and the photos that failed."""
    with current_services().catalog.snapshot() as session:
        job_view(session, job_id)
    return render_template("admin_job.html", job_id=job_id)


@pages.get("/admin/compare")
@access(ADMIN)
def admin_compare() -> str:
    """Model versions side by side."""
    return render_template("admin_compare.html")


@pages.get("/admin/users")
@access(ADMIN)
def admin_users() -> str:
    """Everyone who may sign in."""
    return render_template("admin_users.html")


@pages.get("/admin/workers")
@access(ADMIN)
def admin_workers() -> str:
    """Workers, and whether they work."""
    return render_template("admin_workers.html")


@pages.get("/offline")
@access(ANYONE)
def offline() -> str:
    """What an installed app shows without a connection; the same for everybody."""
    return render_template("offline.html")


@pages.get("/manifest.webmanifest")
@access(ANYONE)
def manifest() -> Response:
    """What makes MindReader installable."""
    return current_app.send_static_file("manifest.webmanifest")


@pages.get("/sw.js")
@access(ANYONE)
def service_worker() -> Response:
    """The service worker; at the top, since it may only look after what lies below it."""
    return current_app.send_static_file("sw.js")


def _is_set_up() -> bool:
    with current_services().catalog.snapshot() as session:
        return users_exist(session)


def _provider() -> str | None:
    """What people know the OpenID Connect provider by, if there is one."""
    return current_services().settings.openid_label if has_provider() else None
