"""Workers and the system as a whole, for administrators."""

from dataclasses import replace

from flask import Response

from mindreader.operations.system_status import system_status
from mindreader.operations.worker_status import workers as all_workers
from mindreader_webui.access import ADMIN
from mindreader_webui.api.common import answer, blueprint
from mindreader_webui.api.schemas.system import System, Worker, Workers
from mindreader_webui.i18n import translated
from mindreader_webui.services import current_services

system = blueprint("system", __name__, "Workers and the system as a whole", ADMIN)


@system.get("/workers", responses={200: Workers})
def list_workers() -> Response:
    """Every worker heard of in the last day; for administrators."""
    with current_services().catalog.snapshot() as session:
        return answer(Workers(workers=[Worker.of(row) for row in all_workers(session)]))


@system.get("/system", responses={200: System})
def show_system() -> Response:
    """How much there is, where it lies, what waits; for administrators."""
    services = current_services()
    with services.catalog.snapshot() as session:
        seen = system_status(session, services.settings)
    seen = replace(seen, broker=translated(seen.broker), blobs=translated(seen.blobs))
    return answer(System.model_validate(seen, from_attributes=True))
