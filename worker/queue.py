"""The job queue: procrastinate, in the same PostgreSQL.

Surprise: a job is written on the connection of the transaction that asks for it, so it exists if and
only if that transaction commits.
"""

import procrastinate
from sqlmodel import Session

from db.engine import as_app

# Never opened: it only turns a job into SQL, which runs on the caller's connection.
_WRITER = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())


def defer_job(db: Session, job: str, ids: dict[str, str]) -> None:
    """Queue `job` with `ids` in `db`'s transaction. Satisfies `db.session.Deferrer`."""
    driver = db.connection().connection.driver_connection
    _WRITER.configure_task(job, allow_unknown=True, connection=driver).defer(**ids)


def make_app(url: str) -> procrastinate.App:
    """The worker's side of the queue, on connections of the app role. It has no jobs yet."""
    return procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=as_app(url)))
