"""The rows of an import, a batch at a time, whatever is imported: checked first, and later run.

Surprise: each batch is a transaction that also moves `reached` on, under the import's lock. So a worker
killed half way, or two at once, leave nothing out and do nothing twice; and a batch that was checked before
its turn is only taken if the import still stands as it was seen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic
from uuid import UUID

from sqlmodel import Session

from auth.actors import Action, Actor, ActorKind
from billing.import_files import Judged
from billing.import_stages import File, Stages, asked_by
from billing.import_tables import ImportState


@dataclass(frozen=True)
class Batches(Generic[File]):
    """How the rows of one kind of import are done.

    `needed` is what whoever asked must still be allowed. `judge` checks the batch behind a row (None when
    there is none), `write` writes that down, and `compare` refuses rows that are about one record, once all
    are checked. `run` does the next batch of a run; False when there is none.
    """

    stages: Stages[File, Any]
    needed: Callable[[File], tuple[Action, ...]]
    judge: Callable[[Session, File, int, datetime], Judged | None]
    write: Callable[[Session, File, Judged], None]
    compare: Callable[[Session, File], None]
    run: Callable[[Session, Actor, File, datetime], bool]

    def step(
        self, db: Session, partner_id: UUID, *, import_id: UUID, now: datetime, ahead: Judged | None = None
    ) -> bool:
        """Do the next batch of the import, whatever stage it is in; False when there is nothing left to do.

        `ahead` is what `look_ahead` made of it, which is only taken if the import still stands so.
        """
        begun = self.stages.locked(db, _finder(partner_id), import_id=import_id)
        if begun.state not in (ImportState.CHECKING, ImportState.RUNNING):
            return False
        actor = asked_by(db, begun, needed=self.needed(begun), now=now)
        if actor is None:
            begun.state, begun.finished_at = ImportState.STOPPED, now
            return False
        if begun.state is ImportState.RUNNING:
            more = self.run(db, actor, begun, now)
            if not more:
                self.stages.finish(db, actor, begun, now)
            return more
        if ahead is None or ahead.seen != begun.standing(begun.reached):
            ahead = self.judge(db, begun, begun.reached, now)
        if ahead is None:
            self.compare(db, begun)
            begun.state = ImportState.CHECKED
            return False
        self.write(db, begun, ahead)
        return True

    def look_ahead(
        self, db: Session, partner_id: UUID, *, import_id: UUID, after: int | None, now: datetime
    ) -> Judged | None:
        """The batch behind `after`, checked before its turn, while the one before is being written.

        None: at the start of whatever is left. Nothing is locked or written; None when there is nothing to
        check.
        """
        begun = self.stages.find(db, _finder(partner_id), import_id=import_id)
        if begun.state is not ImportState.CHECKING:
            return None
        return self.judge(db, begun, begun.reached if after is None else after, now)


def _finder(partner_id: UUID) -> Actor:
    return Actor(ActorKind.SYSTEM, partner_id, name="Remit")
