"""For tests of rules: a transaction as an actor, what was refused, and input that is right."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from inspect import signature
from threading import Barrier
from typing import Any, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import Connection, text
from sqlmodel import Session

from auth.actors import Actor
from billing.invoices import Invoice, InvoiceStatus
from billing.money import Currency
from db.session import Database
from errors import Invalid, Refusal
from tests.cast import Cast
from tests.world import nothing_changes

T = TypeVar("T")
ACME = {
    "company": "Acme Rockets",
    "legal_name": "Acme Rockets, Inc.",
    "tax_id": "12-3456789",
    "address": "1 Main Street",
    "city": "Springfield",
    "state": "Illinois",
    "postal_code": "62701",
    "country": "US",
}
ANN = {"name": "Ann", "email": "ann@rockets.example"}
BOB = {"name": "Bob", "email": "bob@rockets.example"}


@contextmanager
def acting(database: Database, actor: Actor) -> Iterator[Session]:
    """What a door does before it calls a rule."""
    with database.transaction(**actor.reach, member_id=actor.member_id) as db:
        yield db


def problems_of(act: Callable[[], object]) -> list[tuple[str, tuple[str | int, ...]]]:
    """Code and path of everything that `act` was refused for."""
    with pytest.raises(Invalid) as refused:
        act()
    return [(problem.code, problem.path) for problem in refused.value.problems]


class Acts:
    """Runs a rule as an actor in a transaction of its own, as a door does."""

    def __init__(self, database: Database, owner: Connection, now: datetime) -> None:
        self.database = database
        self.owner = owner
        self.now = now

    def __call__(self, who: Actor, rule: Callable[..., T], **what: Any) -> T:
        if "now" in signature(rule).parameters:
            what.setdefault("now", self.now)
        with acting(self.database, who) as db:
            return rule(db, who, **what)

    def read(self, who: Actor, statement: Any) -> Sequence[Any]:
        """What `who` sees of a table."""
        with acting(self.database, who) as db:
            return db.exec(statement).all()

    def count(self, table: str) -> int:
        """How many rows there are, whoever owns them."""
        counted: int = self.owner.scalar(text(f"select count(*) from {table}"))
        return counted

    @contextmanager
    def nothing_changes(self) -> Iterator[None]:
        """The whole database, jobs included, is the same afterwards (GUARANTEES O3)."""
        with nothing_changes(self.owner):
            yield


def invoice_of(owner: Connection, cast: Cast, customer: str, *, status: str = "OPEN") -> UUID:
    """An invoice of a customer, written straight into the table."""
    at, partner = datetime.fromisoformat("2026-03-01T00:00:00Z"), "northwind"
    invoice = Invoice(
        partner_id=cast.partners["contoso" if customer == "initech" else partner],
        customer_id=cast.customers[customer], status=InvoiceStatus(status), currency=Currency.USD,
        issue_on=date(2026, 3, 1), due_on=date(2026, 3, 1) + timedelta(days=30), created_at=at, updated_at=at,
    )  # fmt: skip
    if status != "DRAFT":
        invoice.number = f"T-{invoice.id.hex}"
    with Session(owner, expire_on_commit=False) as db:
        db.add(invoice)
        db.commit()
    return invoice.id


def at_once(many: int, act: Callable[[int], object]) -> list[object]:
    """`act(0)` to `act(many - 1)` at the same moment; the answer of each, or the refusal it met."""
    gate = Barrier(many, timeout=60)

    def one(number: int) -> object:
        gate.wait()
        try:
            return act(number)
        except Refusal as refusal:
            return refusal

    with ThreadPoolExecutor(many) as threads:
        return list(threads.map(one, range(many)))


def codes(answers: list[object]) -> Counter[str]:
    """How often each answer came: the code of a wrong field, else the name of its class."""
    return Counter(
        answer.problems[0].code if isinstance(answer, Invalid) else type(answer).__name__
        for answer in answers
    )
