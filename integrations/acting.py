"""Long acts, carried through by the worker: one part after the other, each its own transaction."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from billing import long_acts
from db.session import Database


def carry_on(database: Database, *, partner_id: UUID, act_id: UUID, clock: Callable[[], datetime]) -> None:
    """Do what is left of a long act. Running it again changes nothing."""

    def step() -> bool:
        with database.transaction(partner_id=partner_id) as db:
            return long_acts.step(db, partner_id, act_id=act_id, now=clock())

    while step():
        pass
