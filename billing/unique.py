"""What must be unique is made so by the database; here its answer becomes a refusal at a field.

Surprise: there is no look before the write. Of fifty writers at once each would see the name free; only the
constraint knows the winner, and a savepoint keeps the losers' transactions usable.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.errors import UniqueViolation
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from errors import Refusal


@contextmanager
def unique(db: Session, constraint: str, refusal: Refusal) -> Iterator[None]:
    """Flush what the block changed; raise `refusal` if that breaks `constraint`, and undo the block.

    Objects changed in the block are stale after a refusal: the caller refuses too, it doesn't go on.
    """
    try:
        with db.begin_nested():
            yield
    except IntegrityError as error:
        cause = error.orig
        if isinstance(cause, UniqueViolation) and cause.diag.constraint_name == constraint:
            raise refusal from None
        raise
