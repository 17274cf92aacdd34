"""How long one statement may work for somebody who waits for a page, a file or an answer (GUARANTEES E-6)."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import errors as driver
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from errors import Limited

DEADLINE = 10  # seconds


class Deadline(Limited):
    """It took longer than ten seconds; the statement was cancelled."""

    code = "DEADLINE"
    message = "This took longer than 10 seconds and was stopped. Ask for less at once."


@contextmanager
def within_deadline(db: Session, *, seconds: int = DEADLINE) -> Iterator[None]:
    """From here to the end of its transaction no statement of `db` may take longer; refuses Deadline."""
    db.execute(text("select set_config('statement_timeout', :most, true)"), {"most": str(seconds * 1000)})
    try:
        yield
    except DBAPIError as trouble:
        if isinstance(trouble.orig, driver.QueryCanceled):
            raise Deadline from None
        raise
