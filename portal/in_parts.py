"""One act on thousands of records, done in parts: each a transaction of its own.

Surprise: whoever else works with these records waits for a part and never for all of them. So an act may stop
half way; doing it once more does the rest, as what is done already stays as it is.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session
from starlette.requests import Request

from auth.actors import Actor
from billing.chosen import MOST_AT_ONCE
from db import ids
from errors import Conflict
from languages import say_count
from portal.door import act
from portal.form import Form

# What one person can be asked about at once; more is found in parts, by a filter.
MOST_MATCHING = 100_000
Work = Callable[[Session, Actor, Sequence[UUID]], int]


class Done(NamedTuple):
    """How many were changed, and how many a rule refused in the meantime, and why."""

    changed: int
    refused: int = 0
    why: str = ""

    def said(self, done: str) -> str:
        """`done`, and what was not."""
        if not self.refused:
            return done
        more = say_count(
            "{count} of them was left out: {why}", "{count} of them were left out: {why}", self.refused,
            why=self.why,
        )  # fmt: skip
        return f"{done} {more}"


async def in_parts(request: Request, form: Form, shown: Sequence[str], prefix: str, work: Work) -> Done:
    """Do `work`, which says how many it changed, with all of these records.

    A part that a rule refuses (Conflict) is left out and told; if it is the only one, it is refused.
    """
    done, refused, why = 0, 0, ""
    for start in range(0, len(shown), MOST_AT_ONCE):
        part = [ids.parsed(text, prefix) for text in shown[start : start + MOST_AT_ONCE]]

        def one(db: Session, actor: Actor, part: Sequence[UUID] = part) -> int:
            return work(db, actor, part)

        try:
            done += await act(request, one, form=form)
        except Conflict as refusal:
            if len(shown) <= MOST_AT_ONCE:
                raise
            refused, why = refused + len(part), str(refusal.message)
    return Done(done, refused, why)
