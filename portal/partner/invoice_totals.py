"""What the invoice in the editor comes to: said by the server, while it is typed or when it is asked for.

Surprise: the script of the page adds nothing up. It sends the form here and shows what comes back.
"""

from collections.abc import Mapping, Set
from datetime import date
from typing import Any, NamedTuple

from sqlmodel import Session
from starlette.requests import Request

from auth.actors import Actor
from billing import invoice_totals
from billing.invoice_totals import Tried
from billing.money import Money, rate_text
from db import ids
from errors import Invalid, Problem
from languages import say
from portal.door import act, meet
from portal.form import Form
from portal.house import house
from portal.partner.draft_form import LINES, fields_of, placed

TOTALS = "totals"
# What can be chosen as terms, beside a due date of one's own.
_NET = (7, 10, 14, 15, 20, 30, 45, 60, 90)


class Unread(NamedTuple):
    """A field that saving would refuse, `line` as people count, with what is wrong.

    `early`: it is only not filled in yet, which is no mistake of somebody who is still typing.
    """

    field: str
    line: int | None
    message: str
    early: bool
    left_out: bool


class Sums(NamedTuple):
    """What the page shows; amounts as the API has them, taxes with their rate."""

    net: Mapping[str, str]
    taxes: list[tuple[str, str, Mapping[str, str]]]
    total: Mapping[str, str]
    unread: list[Unread]
    due_on: date | None
    terms: list[tuple[str, str]]
    problems: tuple[Problem, ...]

    @property
    def wrong(self) -> list[Unread]:
        """What can't be read, beside what is not filled in yet."""
        return [one for one in self.unread if not one.early]


async def sums_of(request: Request, form: Form, customer: str) -> Sums:
    """What was typed comes to this, by the rule that will store it."""
    now, customer_id = house(request).clock(), ids.parsed(customer, "cus")
    fields = fields_of(form)

    def work(db: Session, actor: Actor) -> Tried:
        return invoice_totals.try_out(db, actor, customer_id=customer_id, fields=fields, now=now)

    tried = await (act(request, work, form=form) if request.method == "POST" else meet(request, work))

    def money(minor: int) -> Mapping[str, Any]:
        amount = Money(minor, tried.currency)
        return {"amount": amount.decimal_text(), "currency": amount.currency.value}

    counted = tried.counted
    problems = placed(form, Invalid(tried.problems)).problems
    rows = form.rows(LINES)
    left_out = {rows[row].index for row in counted.left_out}
    return Sums(
        money(counted.net_minor),
        [(name, rate_text(rate), money(minor)) for (name, rate), minor in counted.taxes.items()],
        money(counted.total_minor), [_unread(problem, left_out) for problem in problems], tried.due_on,
        _terms(tried.terms_days), tuple(problem for problem in problems if not _is_early(problem)),
    )  # fmt: skip


def _unread(problem: Problem, left_out: Set[int]) -> Unread:
    line = problem.path[1] if problem.path[0] == LINES else None
    return Unread(
        "-".join(str(step) for step in problem.path), None if line is None else int(line) + 1,
        problem.message, _is_early(problem), line in left_out and problem.path[2:] != ("description",),
    )  # fmt: skip


def _is_early(problem: Problem) -> bool:
    return problem.code == "REQUIRED"


def _terms(own: int) -> list[tuple[str, str]]:
    """The choices, the customer's own terms among them."""
    return [(str(days), _said(days)) for days in sorted({0, *_NET, own})]


def _said(days: int) -> str:
    return say("Net {days} days", days=days) if days else say("Due on receipt")
