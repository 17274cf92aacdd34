"""Lists that leave as CSV files: the log of who took what out.

Surprise: an export is written down twice, when it begins (with what was asked for) and when it is whole (with
its number of rows), so that one broken off half way has left a trace too.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session

from auth import audit
from auth.actors import Action, Actor


class Export(NamedTuple):
    """What goes out: the kind of record, and the right it takes."""

    kind: str
    needs: Action

    def begin(
        self, db: Session, actor: Actor, *, asked: Mapping[str, str], chosen: Sequence[str] = (),
        now: datetime,
    ) -> Actor:  # fmt: skip
        """Write down that an export begins: `asked` is the filter, `chosen` the ids of single ones.

        Gives back the actor, for `finish`. Refuses whoever lacks the right.
        """
        actor.require(self.needs)
        narrowed = ", ".join(f"{name}: {text}" for name, text in asked.items())
        what = {"chosen": list(chosen)} if chosen else {"filter": narrowed or "all"}
        self._record(db, actor, "export_started", now, what)
        return actor

    def finish(self, db: Session, actor: Actor, *, rows: int, now: datetime) -> None:
        """Write down that an export of so many rows went out whole."""
        actor.require(self.needs)
        self._record(db, actor, "exported", now, {"rows": rows})

    def _record(self, db: Session, actor: Actor, done: str, now: datetime, what: Mapping[str, Any]) -> None:
        audit.record(
            db, actor, action=f"{self.kind}.{done}", subject_kind=self.kind, subject_id=None,
            now=now, **what,
        )  # fmt: skip
