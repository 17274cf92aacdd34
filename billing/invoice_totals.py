"""What an invoice would come to while it is being typed: nothing is written, nothing is held.

Surprise: it adds nothing up itself. The lines are read by what reads them when they are saved.
"""

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session, select

from auth.actors import Action, Actor
from billing.customers import Customer
from billing.invoice_fields import Counted, InvoiceInput, count_lines, due_day, terms_of
from billing.money import Currency
from billing.texts import Checks
from errors import NotFound, Problem


class Tried(NamedTuple):
    """The sums, in the customer's currency; the due date, None while the dates are wrong; and its terms.

    `problems` are what saving would refuse in the dates and in the lines.
    """

    counted: Counted
    currency: Currency
    due_on: date | None
    terms_days: int
    problems: tuple[Problem, ...]


def try_out(db: Session, actor: Actor, *, customer_id: UUID, fields: InvoiceInput, now: datetime) -> Tried:
    """What the invoice would come to, without the lines that are not finished. Refuses NotFound."""
    actor.require(Action.EDIT_INVOICES)
    if not actor.is_staff_side:
        raise NotFound
    mine = (Customer.partner_id == actor.partner_id, Customer.id == customer_id)
    customer = db.exec(select(Customer).where(*mine)).one_or_none()
    if customer is None:
        raise NotFound
    terms = terms_of(db, actor, customer=customer, now=now)
    counted, checks = count_lines(fields.lines, customer.currency), Checks()
    due_on = due_day(checks, fields, terms)
    problems = (*checks.problems, *counted.problems)
    return Tried(counted, customer.currency, due_on, terms.days, problems)
