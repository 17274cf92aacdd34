"""One act on thousands of records, done in parts: each a transaction of its own.

Surprise: whoever else works with these records waits for a part and never for all of them. So an act may stop
half way; doing it once more does the rest, as what is done already stays as it is. More than somebody should
wait for is left to the worker, which takes the same parts (`billing/long_acts.py`).
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from auth.actors import Actor
from billing import long_acts
from billing.chosen import MOST_AT_ONCE
from billing.many import Many, Noun
from db import ids
from errors import Conflict
from languages import say_count
from portal.door import act, go
from portal.form import Form
from portal.house import house, place

# What one person can be asked about at once; more is found in parts, by a filter.
MOST_MATCHING = 100_000
# As many are done within the request: a few seconds at most. The worker does more.
MOST_WAITED_FOR = 2_000
PREFIXES = {Noun.CUSTOMERS: "cus", Noun.INVOICES: "inv"}


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


async def in_parts(request: Request, form: Form, shown: Sequence[str], asked: Many) -> Done:
    """Do it with all of these records, now.

    A part that a rule refuses (Conflict) is left out and told; if it is the only one, it is refused.
    """
    done, refused, why = 0, 0, ""
    now = house(request).clock()
    for start in range(0, len(shown), MOST_AT_ONCE):
        part = _parsed(shown[start : start + MOST_AT_ONCE], asked.noun)

        def one(db: Session, actor: Actor, part: Sequence[UUID] = part) -> int:
            return asked.do(db, actor, part, now=now)

        try:
            done += await act(request, one, form=form)
        except Conflict as refusal:
            if len(shown) <= MOST_AT_ONCE:
                raise
            refused, why = refused + len(part), str(refusal.message)
    return Done(done, refused, why)


def is_long(request: Request, many: int) -> bool:
    """Is it left to the worker? Staff have a page that shows how far that is; a company's own lists are
    short.
    """
    return many > MOST_WAITED_FOR and place(request).kind == "partner"


async def begin_long(request: Request, form: Form, shown: Sequence[str], asked: Many) -> Response:
    """Let the worker do it with all of these records, and lead to where one sees how far it is."""
    return await hand_over(request, form, _parsed(shown, asked.noun), asked)


async def hand_over(request: Request, form: Form, record_ids: Sequence[UUID], asked: Many) -> Response:
    """As `begin_long`, with ids that were looked up here."""
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> UUID:
        return long_acts.begin(db, actor, asked, record_ids=record_ids, now=now).id

    act_id = await act(request, work, form=form)
    return go(request, f"{place(request).home}{path_of(asked.noun, act_id)}")


def path_of(noun: Noun, act_id: UUID) -> str:
    """Where a long act is shown, below the dashboard's home."""
    return f"/{noun.lower()}/acts/{ids.shown('act', act_id)}"


def _parsed(shown: Sequence[str], noun: Noun) -> list[UUID]:
    return [ids.parsed(text, PREFIXES[noun]) for text in shown]
