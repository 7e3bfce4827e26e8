"""Jobs: watch, pause, resume, cancel, and look after the photos that failed. All for administrators."""

from flask import Response

from mindreader.embedding.jobs import (
    cancel_job,
    failed_photos,
    job_view,
    pause_job,
    resume_job,
    retry_failed,
    skip_failed,
)
from mindreader.embedding.jobs import jobs as all_jobs
from mindreader_webui.access import ADMIN
from mindreader_webui.api.common import answer, blueprint, id_in_path
from mindreader_webui.api.schemas.jobs import (
    ChangedJobPhotos,
    FailedPhotos,
    FailedQuery,
    Job,
    JobPath,
    JobPhotoPath,
    Jobs,
)
from mindreader_webui.services import change, current_services

jobs = blueprint("jobs", __name__, "Jobs that embed a whole library", ADMIN)

_ONE = f"/jobs/{id_in_path('job_id')}"
_PHOTO = f"{_ONE}/failed/{id_in_path('photo_id')}"


@jobs.get("/jobs", responses={200: Jobs})
def list_jobs() -> Response:
    """All jobs, the newest first."""
    with current_services().catalog.snapshot() as session:
        return answer(Jobs(jobs=[Job.of(view) for view in all_jobs(session)]))


@jobs.get(_ONE, responses={200: Job})
def show_job(path: JobPath) -> Response:
    """One job."""
    return _shown(path.job_id)


@jobs.post(f"{_ONE}/pause", responses={200: Job})
def pause(path: JobPath) -> Response:
    """Stand still; uploads go on."""
    with change() as session:
        pause_job(session, path.job_id)
    return _shown(path.job_id)


@jobs.post(f"{_ONE}/resume", responses={200: Job})
def resume(path: JobPath) -> Response:
    """Go on."""
    with change() as session:
        resume_job(session, path.job_id)
    return _shown(path.job_id)


@jobs.post(f"{_ONE}/cancel", responses={200: Job})
def cancel(path: JobPath) -> Response:
    """Give it up, with everything embedded so far."""
    with change() as session:
        cancel_job(session, path.job_id)
    return _shown(path.job_id)


@jobs.get(f"{_ONE}/failed", responses={200: FailedPhotos})
def list_failed(path: JobPath, query: FailedQuery) -> Response:
    """Photos that could not be embedded, with the reason; ask for `after=next` to go on."""
    with current_services().catalog.snapshot() as session:
        page = failed_photos(session, path.job_id, after=query.after, limit=query.limit)
        return answer(FailedPhotos.of(page))


@jobs.post(f"{_ONE}/retry", responses={200: ChangedJobPhotos})
def retry_all(path: JobPath) -> Response:
    """Try all of them again, the skipped ones too."""
    with change() as session:
        changed = retry_failed(session, path.job_id)
    return answer(ChangedJobPhotos(photos=changed))


@jobs.post(f"{_ONE}/skip", responses={200: ChangedJobPhotos})
def skip_all(path: JobPath) -> Response:
    """Leave all of them out for good."""
    with change() as session:
        return answer(ChangedJobPhotos(photos=skip_failed(session, path.job_id)))


@jobs.post(f"{_PHOTO}/retry", responses={200: ChangedJobPhotos})
def retry_one(path: JobPhotoPath) -> Response:
    """Try one photo again."""
    with change() as session:
        changed = retry_failed(session, path.job_id, path.photo_id)
    return answer(ChangedJobPhotos(photos=changed))


@jobs.post(f"{_PHOTO}/skip", responses={200: ChangedJobPhotos})
def skip_one(path: JobPhotoPath) -> Response:
    """Leave one photo out for good."""
    with change() as session:
        return answer(ChangedJobPhotos(photos=skip_failed(session, path.job_id, path.photo_id)))


def _shown(job_id: int) -> Response:
    with current_services().catalog.snapshot() as session:
        return answer(Job.of(job_view(session, job_id)))
