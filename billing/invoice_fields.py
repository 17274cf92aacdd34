"""What is typed about an invoice, checked and added up: every wrong field at once.

Surprise: rounding happens here, once per line, and nowhere later (GUARANTEES M-15). An invoice's totals are
the sums of its lines' stored cents.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlmodel import Session, select

from auth.actors import Actor
from billing.customer_fields import read_terms
from billing.customers import Customer
from billing.inputs import Input
from billing.money import (
    Currency,
    Money,
    line_gross,
    line_totals,
    parse_amount,
    parse_percent,
    parse_quantity,
    parse_rate,
    share_of,
)
from billing.partners import Partner
from billing.texts import Checks
from errors import Problem
from languages import mark, say

MOST_LINES = 200
MOST_TAXES = 5
# Ten billion dollars: more is a slip of the keyboard, and more than gateways take.
LARGEST_TOTAL_MINOR = 10**12
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
DAYS = (date(2000, 1, 1), date(2099, 12, 31))
_DATES = {
    "issue_on": mark("issue"), "due_on": mark("due"), "received_on": mark("received"),
    "send_on": mark("send"), "next_on": mark("next"), "ends_on": mark("ends"),
}  # fmt: skip
_MINUS = re.compile(r"\s*[-−]\s*[0-9.,]")
_NEGATIVE_LINE = mark(
    "A line can't be below zero. To charge less, give a discount on a line. To take back what was invoiced "
    "before, credit that invoice: its credit can be applied to this one."
)
_NEGATIVE_DISCOUNT = mark("Write the discount without a minus: it is taken off the line.")
_SUMS = ("net_minor", "tax_minor", "total_minor")


class AmountInput(Input):
    """An amount that says its currency, as programs send it."""

    amount: str
    currency: str


class TaxInput(Input):
    """A tax on a line; its rate in percent, "9.975"."""

    name: str | None = None
    rate: str | None = None


class LineInput(Input):
    """A line. Numbers as texts, "1.5" and "1234.50"; a discount as an amount or in percent, "12.5"."""

    description: str | None = None
    quantity: str | None = None
    unit_price: str | AmountInput | None = None
    discount: str | AmountInput | None = None
    discount_percent: str | None = None
    taxes: Sequence[TaxInput] = ()


class InvoiceInput(Input):
    """An invoice. Days as dates or as "YYYY-MM-DD"; the currency is the customer's and may be repeated here.

    `terms_days` after the issue date instead of `due_on`.

    For a change, what is not given stays as it is; lines are given all together or not at all.
    """

    issue_on: date | str | None = None
    due_on: date | str | None = None
    terms_days: int | str | None = None
    memo: str | None = None
    internal_note: str | None = None
    po_number: str | None = None
    external_id: str | None = None
    currency: str | None = None
    lines: Sequence[LineInput] = ()


class Counted(NamedTuple):
    """What lines come to in cents, and each of their taxes by name and rate; `left_out` counts from 0.

    Left out are lines whose numbers don't make sense yet; a description that is missing is no matter.
    `problems` are all that saving would refuse in the lines.
    """

    net_minor: int
    tax_minor: int
    total_minor: int
    taxes: Mapping[tuple[str, int], int]
    left_out: tuple[int, ...]
    problems: tuple[Problem, ...]


class Terms(NamedTuple):
    """What an invoice takes from customer and partner where it says nothing itself."""

    currency: Currency
    days: int
    today: date


class Line(NamedTuple):
    """A line's checked columns, and those of its taxes in their order."""

    values: dict[str, Any]
    taxes: tuple[dict[str, Any], ...]


class Draft(NamedTuple):
    """Checked columns, and the lines in their order; None when the lines stay as they are."""

    values: dict[str, Any]
    lines: tuple[Line, ...] | None


def read_invoice(
    checks: Checks, fields: InvoiceInput, *, terms: Terms, before: Mapping[str, Any] | None = None
) -> Draft:
    """The columns to write, every problem noted in `checks`; use nothing of it before `checks.done()`.

    `before` is what is stored, None for a new invoice. Amounts come out in minor units. Codes at the field:
    BAD_DATE, DUE_BEFORE_ISSUE, BAD_TERMS, TWO_DUE_DATES, OTHER_CURRENCY, those of clean_line and
    read_decimal; at ("lines", row, field) DISCOUNT_TOO_LARGE, TWO_DISCOUNTS, TOO_MANY and DUPLICATE
    (taxes); at ("lines",) REQUIRED, TOO_MANY, NOTHING_TO_PAY, TOO_LARGE.
    """
    new = before is None
    values = _days(checks, fields, terms, before)
    if (fields.currency or "").strip().upper() not in ("", terms.currency):
        message = say(
            "This customer is invoiced in {currency}. Leave the currency out, or give that.",
            currency=terms.currency,
        )
        checks.refuse("currency", code="OTHER_CURRENCY", message=message)
    if new or fields.gives("memo"):
        values["memo"] = checks.block("memo", fields.memo, required=False, limit=2000)
    if new or fields.gives("internal_note"):
        values["internal_note"] = checks.block(
            "internal_note", fields.internal_note, required=False, limit=2000
        )
    if new or fields.gives("po_number"):
        values["po_number"] = checks.line(
            "po_number", fields.po_number, required=False, limit=100, name="PO number"
        )
    if new or fields.gives("external_id"):
        values["external_id"] = checks.line(
            "external_id", fields.external_id, required=False, limit=100, name="external id"
        )
    if not new and not fields.gives("lines"):
        return Draft(values, None)
    lines = _lines(checks, fields.lines, terms.currency)
    for name in _SUMS:
        values[name] = sum(line.values[name] for line in lines)
    return Draft(values, lines)


def read_draft(
    db: Session,
    actor: Actor,
    *,
    customer: Customer,
    fields: InvoiceInput,
    before: Mapping[str, Any] | None = None,
    now: datetime,
) -> Draft:
    """`read_invoice` with the customer's and the partner's terms; refuses all wrong fields at once."""
    checks = Checks()
    draft = read_invoice(checks, fields, terms=terms_of(db, actor, customer=customer, now=now), before=before)
    checks.done()
    return draft


def terms_of(db: Session, actor: Actor, *, customer: Customer, now: datetime) -> Terms:
    """The customer's terms where it has its own, else the partner's; today by the partner's calendar."""
    partner = db.exec(select(Partner).where(Partner.id == actor.partner_id)).one()
    days = partner.default_terms_days if customer.terms_days is None else customer.terms_days
    return Terms(customer.currency, days, now.astimezone(ZoneInfo(partner.time_zone)).date())


def _days(
    checks: Checks, fields: InvoiceInput, terms: Terms, before: Mapping[str, Any] | None
) -> dict[str, Any]:
    stored = before or {"issue_on": terms.today, "due_on": None}
    issue = read_day(checks, "issue_on", fields.issue_on) if fields.gives("issue_on") else stored["issue_on"]
    issue_on = issue or stored["issue_on"]
    due = read_day(checks, "due_on", fields.due_on) if fields.gives("due_on") else stored["due_on"]
    chosen = read_terms(checks, fields.terms_days)
    if chosen is not None:
        if fields.gives("due_on") and due is not None:
            message = "Give the due date or the terms, not both."
            checks.refuse("terms_days", code="TWO_DUE_DATES", message=message)
        due = None
    days = terms.days if chosen is None else chosen
    due_on = due or min(issue_on + timedelta(days=days), DAYS[1])
    if due_on < issue_on:
        message = say("Choose a due date on or after the issue date, {issue_on}.", issue_on=issue_on)
        checks.refuse("due_on", code="DUE_BEFORE_ISSUE", message=message)
    return {"issue_on": issue_on, "due_on": due_on}


def read_day(checks: Checks, field: str, typed: date | str | None) -> date | None:
    """A calendar day, None for none; what is wrong with it is noted as BAD_DATE."""
    if isinstance(typed, str):
        written = typed.strip()
        if not written:
            return None
        try:
            typed = date.fromisoformat(written) if _DAY.fullmatch(written) else None
        except ValueError:
            typed = None
        if typed is None:
            message = say("Write the {date} date as YYYY-MM-DD, like 2026-03-31.", date=say(_DATES[field]))
            checks.refuse(field, code="BAD_DATE", message=message)
            return None
    if typed is not None and not DAYS[0] <= typed <= DAYS[1]:
        message = say("Choose a day from {first} to {last}.", first=DAYS[0], last=DAYS[1])
        checks.refuse(field, code="BAD_DATE", message=message)
        return None
    return typed


def _lines(checks: Checks, typed: Sequence[LineInput], currency: Currency) -> tuple[Line, ...]:
    if len(typed) > MOST_LINES:
        message = say(
            "Put at most {most_lines} lines on one invoice; these are {count}.",
            most_lines=MOST_LINES,
            count=len(typed),
        )
        checks.refuse("lines", code="TOO_MANY", message=message)
        return ()
    problems = len(checks.problems)
    lines = [
        _line(checks.under("lines", row), line, currency)
        for row, line in enumerate(typed)
        if _is_written(line)
    ]
    if len(checks.problems) > problems:
        return ()
    total = sum(line.values["total_minor"] for line in lines)
    if not lines:
        checks.refuse("lines", code="REQUIRED", message="Add at least one line.")
    elif total <= 0:
        message = "An invoice must be above zero: check quantity, price and discount."
        checks.refuse("lines", code="NOTHING_TO_PAY", message=message)
    elif total > LARGEST_TOTAL_MINOR:
        most = Money(LARGEST_TOTAL_MINOR, currency)
        checks.refuse(
            "lines", code="TOO_LARGE", message=say("An invoice can't be above {most}: split it.", most=most)
        )
    for position, line in enumerate(lines):
        line.values["position"] = position
    return tuple(lines)


def count_lines(typed: Sequence[LineInput], currency: Currency) -> Counted:
    """What lines come to while they are being typed, by the very arithmetic that stores them (M-15)."""
    lines, left_out = [], []
    problems: list[Problem] = []
    for row, line in enumerate(typed[:MOST_LINES]):
        if not _is_written(line):
            continue
        checks = Checks(("lines", row))
        read = _line(checks, line, currency)
        problems += checks.problems
        if any(problem.path[2:] != ("description",) for problem in checks.problems):
            left_out.append(row)
        else:
            lines.append(read)
    taxes: dict[tuple[str, int], int] = {}
    for tax in (tax for line in lines for tax in line.taxes):
        named = (tax["name"], tax["rate_e4"])
        taxes[named] = taxes.get(named, 0) + tax["tax_minor"]
    net, tax, total = (sum(line.values[name] for line in lines) for name in _SUMS)
    return Counted(net, tax, total, taxes, tuple(left_out), tuple(problems))


def due_day(checks: Checks, fields: InvoiceInput, terms: Terms) -> date | None:
    """The day an invoice would be due, None while its dates don't make sense yet, which is noted."""
    days = _days(checks, fields, terms, None)
    due_on: date = days["due_on"]
    return None if checks.problems else due_on


def _is_written(line: LineInput) -> bool:
    return any(typed.strip() if isinstance(typed, str) else typed for _, typed in line)


def _line(checks: Checks, typed: LineInput, currency: Currency) -> Line:
    """A line with its cents. With a problem noted the cents mean nothing, and nobody will use them."""
    problems = len(checks.problems)
    description = checks.line("description", typed.description, required=True, limit=500)
    quantity_e4, price = 0, Money(0, currency)
    if not _is_below_zero(checks, "quantity", typed.quantity, _NEGATIVE_LINE):
        quantity_e4 = checks.read("quantity", parse_quantity, typed.quantity, otherwise=0)
    if not _is_below_zero(checks, "unit_price", typed.unit_price, _NEGATIVE_LINE):
        price = read_amount(checks, "unit_price", typed.unit_price, currency, required=True)
    gross_minor = line_gross(quantity_e4, price.minor)
    discount_minor, discount_rate_e4 = _discount(checks, typed, gross_minor, currency)
    taxes = _taxes(checks, typed.taxes)
    totals = line_totals(quantity_e4, price.minor, discount_minor, [tax["rate_e4"] for tax in taxes])
    if totals.net_minor < 0 and len(checks.problems) == problems:
        before = Money(totals.net_minor + discount_minor, currency)
        message = say("The discount can't be more than the line, {before}.", before=before)
        checks.refuse("discount", code="DISCOUNT_TOO_LARGE", message=message)
    for tax, tax_minor in zip(taxes, totals.each_tax_minor, strict=True):
        tax["tax_minor"] = tax_minor
    values = {
        "description": description, "quantity_e4": quantity_e4, "unit_price_minor": price.minor,
        "discount_minor": discount_minor, "discount_rate_e4": discount_rate_e4,
        "net_minor": totals.net_minor, "tax_minor": totals.tax_minor, "total_minor": totals.total_minor,
    }  # fmt: skip
    return Line(values, taxes)


def _discount(
    checks: Checks, typed: LineInput, gross_minor: int, currency: Currency
) -> tuple[int, int | None]:
    """What is taken off, in cents; and the rate, if it was given in percent. Both at once is no answer."""
    amount = Money(0, currency)
    if not _is_below_zero(checks, "discount", typed.discount, _NEGATIVE_DISCOUNT):
        amount = read_amount(checks, "discount", typed.discount, currency, required=False)
    percent = (typed.discount_percent or "").strip()
    if not percent or _is_below_zero(checks, "discount_percent", percent, _NEGATIVE_DISCOUNT):
        return amount.minor, None
    rate_e4 = checks.read("discount_percent", parse_percent, typed.discount_percent, otherwise=0)
    if amount.minor:
        message = "Give the discount as an amount or in percent, not both."
        checks.refuse("discount_percent", code="TWO_DISCOUNTS", message=message)
    return share_of(gross_minor, rate_e4), rate_e4 or None


def _is_below_zero(checks: Checks, field: str, typed: str | AmountInput | None, instead: str) -> bool:
    """Is a minus before the number? It is noted, with what to do `instead`."""
    text = typed.amount if isinstance(typed, AmountInput) else typed
    if text is None or not _MINUS.match(text):
        return False
    checks.refuse(field, code="BAD_NUMBER", message=instead)
    return True


def _taxes(checks: Checks, typed: Sequence[TaxInput]) -> tuple[dict[str, Any], ...]:
    """The taxes that were given, a blank row being none."""
    if len(typed) > MOST_TAXES:
        message = say("Put at most {most} taxes on one line.", most=MOST_TAXES)
        checks.refuse("taxes", code="TOO_MANY", message=message)
        return ()
    taxes: list[dict[str, Any]] = []
    for row, tax in enumerate(typed):
        at = checks.under("taxes", row)
        if not ((tax.name or "").strip() or (tax.rate or "").strip()):
            continue
        name = at.line("name", tax.name, required=True, limit=50, name="name of the tax")
        rate_e4 = at.read("rate", parse_rate, tax.rate, otherwise=0)
        if name and any(
            (name.casefold(), rate_e4) == (one["name"].casefold(), one["rate_e4"]) for one in taxes
        ):
            at.refuse(
                "name", code="DUPLICATE", message="This tax is on the line already. Remove one of the two."
            )
        taxes.append({"position": len(taxes), "name": name, "rate_e4": rate_e4})
    return tuple(taxes)


def read_amount(
    checks: Checks, field: str, typed: str | AmountInput | None, currency: Currency, *, required: bool
) -> Money:
    """An amount in the invoice's currency, zero for an optional one left empty; what is wrong is noted."""
    nothing = Money(0, currency)
    if isinstance(typed, AmountInput):
        if typed.currency != currency:
            message = say(
                "This customer is invoiced in {currency}: give the amount in that.", currency=currency
            )
            checks.refuse(field, code="OTHER_CURRENCY", message=message)
            return nothing
        typed = typed.amount
    return checks.read(field, parse_amount, typed, currency, otherwise=nothing, required=required)
