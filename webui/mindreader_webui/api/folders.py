"""Folders of the server whose photos are shown where they lie. All for administrators."""

from flask import Response

from mindreader.folders.registry import (
    FolderOptions,
    add_folder,
    change_folder,
    folder_view,
    forget,
    refused_files,
    remove_folder,
    request_scan,
    request_verification,
    the_folder,
)
from mindreader.folders.registry import folders as all_folders
from mindreader_webui.access import ADMIN, access
from mindreader_webui.api.common import answer, blueprint, id_in_path, no_content
from mindreader_webui.api.schemas.folders import (
    Folder,
    FolderChange,
    FolderPath,
    Folders,
    ForgottenFiles,
    NewFolder,
    RefusedFiles,
    RefusedQuery,
)
from mindreader_webui.auth import current_account
from mindreader_webui.lanes import Lane
from mindreader_webui.services import change, current_services
from mindreader_workers.client import wake_embedders

folders = blueprint("folders", __name__, "Folders of the server, shown in place", ADMIN)

_ONE = f"/folders/{id_in_path('folder_id')}"


@folders.get("/folders", responses={200: Folders})
def list_folders() -> Response:
    """All folders that are shown in place, by the names of their collections."""
    services = current_services()
    with services.catalog.snapshot() as session:
        found = [Folder.of(folder_view(session, folder)) for folder in all_folders(session)]
    return answer(Folders(roots=[str(root) for root in services.settings.allowed_folders], folders=found))


@folders.post("/folders", responses={201: Folder})
def add(body: NewFolder) -> Response:
    """Make a private collection of a folder; its photos stay where they lie, and nothing there is ever changed."""
    services = current_services()
    options = FolderOptions(body.watch, body.excludes, body.categories_from_folders)
    with services.catalog.transaction() as session:
        made = add_folder(session, current_account(), services.settings, body.path, body.collection, options)
    return _shown(made.id, 201)


@folders.get(_ONE, responses={200: Folder})
def show_folder(path: FolderPath) -> Response:
    """One folder."""
    return _shown(path.folder_id)


@folders.patch(_ONE, responses={200: Folder})
def edit_folder(path: FolderPath, body: FolderChange) -> Response:
    """Change how a folder is shown, or say where it is now; it is scanned then."""
    services = current_services()
    options = FolderOptions(body.watch, body.excludes, body.categories_from_folders)
    with services.catalog.transaction() as session:
        change_folder(session, services.settings, path.folder_id, body.path, options)
    return _shown(path.folder_id)


@folders.delete(_ONE, responses={204: None})
def remove(path: FolderPath) -> Response:
    """Put the folder's collection into the trash; the files stay as they are."""
    with change() as session:
        remove_folder(session, current_account(), path.folder_id)
    return no_content()


@folders.post(f"{_ONE}/scan", responses={202: Folder})
def scan(path: FolderPath) -> Response:
    """See what is new, changed, moved and missing; its progress stands with the folder."""
    with current_services().catalog.transaction() as session:
        request_scan(session, path.folder_id)
    return _shown(path.folder_id, 202)


@folders.post(f"{_ONE}/verify", responses={202: Folder})
def verify(path: FolderPath) -> Response:
    """Read every file and compare its bytes with what they were."""
    with current_services().catalog.transaction() as session:
        request_verification(session, path.folder_id)
    return _shown(path.folder_id, 202)


@folders.post(f"{_ONE}/forget", responses={200: ForgottenFiles})
@access(ADMIN, lane=Lane.LONG)
def forget_missing(path: FolderPath) -> Response:
    """Take the files that are missing for deleted, and remove their photos for good."""
    services = current_services()
    files = forget(services.catalog, services.settings, path.folder_id)
    wake_embedders(services.celery)  # they purge
    return answer(ForgottenFiles(files=files))


@folders.get(f"{_ONE}/refused", responses={200: RefusedFiles})
def list_refused(path: FolderPath, query: RefusedQuery) -> Response:
    """Files that cannot be photos, with the reason; ask for `after=next` to go on."""
    with current_services().catalog.snapshot() as session:
        page = refused_files(session, path.folder_id, after=query.after, limit=query.limit)
        return answer(RefusedFiles.of(page))


def _shown(folder_id: int, status: int = 200) -> Response:
    with current_services().catalog.snapshot() as session:
        return answer(Folder.of(folder_view(session, the_folder(session, folder_id))), status)
