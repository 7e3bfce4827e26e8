"""Alembic's environment: migrations run on the connection `Catalog.migrate` hands over.

From the command line: `MINDREADER_DATABASE_URL=… alembic -c migrations/alembic.ini revision --autogenerate -m "…"`.
"""

from alembic import context

from mindreader.catalog import Base, Catalog
from mindreader.settings import load_settings


def _run(connection):
    # render_as_batch: SQLite changes a table by copying it.
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    _run(handed_over)
else:
    with Catalog(load_settings().catalog_url).engine.begin() as own:
        _run(own)
