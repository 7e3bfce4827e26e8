"""The Celery app and its tasks: embed photos, answer searches."""
