"""Statements of account at both doors: the page with its range of days, the PDF, the CSV file.

Surprise: the figures come from the rule, not from a document of the API: a statement is the ledger's own
arithmetic. Programs get the very same from `Customer.statementPath`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from auth.actors import Actor
from billing import statements
from billing.money import Money
from billing.statements import Statement
from errors import Invalid, NotFound
from integrations.pdf.statements import AGES, csv_of, pay_path, statement_name, statement_sheet, words_of
from languages import say
from portal.door import meet
from portal.house import house
from portal.papers import file, paper

# Whose account: the customer's own, or the one in the address.
Whose = Callable[[Actor], UUID]


def own(actor: Actor) -> UUID:
    """The account of whoever is at the portal."""
    if actor.customer_id is None:
        raise NotFound
    return actor.customer_id


@dataclass(frozen=True)
class Shown:
    """What the page shows: the range as it stands in the form, and the figures, or what is wrong."""

    typed: Mapping[str, str]
    found: Statement | None
    problems: Mapping[str, str]

    @property
    def query(self) -> str:
        """The range for the files' addresses."""
        assert self.found is not None
        return f"from={self.found.first.isoformat()}&to={self.found.last.isoformat()}"

    @property
    def movements(self) -> list[dict[str, Any]]:
        """The rows, said and written."""
        assert self.found is not None
        return [
            {
                "day": one.day, "what": words_of(one), "amount": self.money(one.amount_minor),
                "balance": self.money(one.balance_minor),
            }
            for one in self.found.movements
        ]  # fmt: skip

    @property
    def ages(self) -> list[tuple[str, Mapping[str, str]]]:
        """What is owed on the last day, by age."""
        assert self.found is not None
        return [(label, self.money(self.found.ages[age])) for age, label in AGES.items()]

    @property
    def pay_path(self) -> str | None:
        """Where the customer pays all that is open, if anything is due."""
        return pay_path(self.found) if self.found else None

    def money(self, minor: int) -> Mapping[str, str]:
        """An amount as templates take it."""
        assert self.found is not None
        amount = Money(minor, self.found.currency)
        return {"amount": amount.decimal_text(), "currency": amount.currency.value}


async def look(request: Request, whose: Whose) -> Shown:
    """The account in the range that the address asks for; what is wrong with it stands at its field."""
    typed = {name: request.query_params.get(name, "").strip()[:20] for name in ("from", "to")}
    try:
        found = await meet(request, _finder(request, whose))
    except Invalid as wrong:
        return Shown(typed, None, {str(one.path[0]): say(one.message) for one in wrong.problems})
    except statements.TooManyMovements as too_many:
        return Shown(typed, None, {"from": say(too_many.message)})
    return Shown({"from": found.first.isoformat(), "to": found.last.isoformat()}, found, {})


async def as_pdf(request: Request, whose: Whose) -> Response:
    """The statement as a PDF. Refuses as the rule does."""
    find, site = _finder(request, whose), house(request).public_url
    return await paper(request, lambda db, actor: statement_sheet(find(db, actor), public_url=site))


async def as_csv(request: Request, whose: Whose) -> Response:
    """The statement as a CSV file. Refuses as the rule does."""
    found = await meet(request, _finder(request, whose))
    return file("".join(csv_of(found)), statement_name(found, "csv"), "text/csv; charset=utf-8")


def _finder(request: Request, whose: Whose) -> Callable[[Session, Actor], Statement]:
    now = house(request).clock()

    def find(db: Session, actor: Actor) -> Statement:
        first, last = (statements.read_day(request.query_params.get(name), name) for name in ("from", "to"))
        return statements.statement(db, actor, customer_id=whose(actor), first=first, last=last, now=now)

    return find
