"""A statement of account on paper, as a CSV file and as JSON: the same figures everywhere.

Surprise: what an entry is called is said here for the page as well, so that page and PDF call it the same.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from billing.csv_out import BOM, line
from billing.dates import day_text
from billing.derived import Age
from billing.ledger import EntryCause
from billing.money import Money
from billing.statements import Movement, Statement
from db import ids
from integrations.pdf.press import Sheet
from integrations.pdf.writing import Part, column, file_name, money, row, sheet, table, total
from languages import mark, say, spoken

AGES: Mapping[Age, str] = {
    Age.CURRENT: mark("Not due yet"),
    Age.DAYS_1_TO_30: mark("1–30 days"),
    Age.DAYS_31_TO_60: mark("31–60 days"),
    Age.DAYS_61_TO_90: mark("61–90 days"),
    Age.OVER_90_DAYS: mark("Over 90 days"),
}
_OTHERS = {
    EntryCause.OUTSIDE_PAYMENT_RECORDED: mark("Payment received for {numbers}"),
    EntryCause.OUTSIDE_PAYMENT_REVERSED: mark("Payment for {numbers} taken back"),
    EntryCause.INVOICE_WRITTEN_OFF: mark("Invoice {numbers} written off"),
    EntryCause.CREDIT_APPLIED: mark("Credit applied to {numbers}"),
    EntryCause.INVOICE_REOPENED: mark("Invoice {numbers} reopened"),
}
COLUMNS = (
    mark("Date"), mark("What"), mark("Invoices"), mark("Due"), mark("Charged"), mark("Credited"),
    mark("Balance"),
)  # fmt: skip


def words_of(movement: Movement) -> str:
    """What an entry is called, with the invoices it is about, and the credit note that it is."""
    numbers = ", ".join(movement.numbers)
    if movement.cause is EntryCause.INVOICE_FINALIZED and movement.due_on:
        return say("Invoice {number}, due {day}", number=numbers, day=day_text(movement.due_on, spoken()))
    if movement.cause is EntryCause.INVOICE_VOIDED:
        return say("Invoice {number} voided", number=numbers)
    if movement.cause is EntryCause.PAYMENT_SUCCEEDED:
        return say("Payment for {numbers}", numbers=numbers)
    if movement.cause is EntryCause.CREDIT_NOTE_ISSUED:
        return say("Credit note {number} for {numbers}", number=movement.note or "", numbers=numbers)
    if movement.cause in _OTHERS:
        return say(_OTHERS[movement.cause], numbers=numbers) + _from_outside(movement)
    return say("Correction of {numbers}", numbers=numbers)


def _from_outside(movement: Movement) -> str:
    """In brackets: on which other day the money came in, and what of it became credit, or was it."""
    told = []
    if movement.received_on and movement.received_on != movement.day:
        told.append(say("received {day}", day=day_text(movement.received_on, spoken())))
    if movement.kept and movement.kept.minor > 0:
        told.append(say("{amount} more kept as credit", amount=movement.kept))
    elif movement.kept:
        told.append(say("{amount} of credit taken back too", amount=-movement.kept))
    return f" ({'; '.join(told)})" if told else ""


def pay_path(found: Statement) -> str | None:
    """Where at the portal the customer pays all that is open, signed in; None if nothing is due."""
    return f"/portal/{found.customer.slug}/pay?all=1" if found.closing_minor > 0 else None


def statement_sheet(found: Statement, *, public_url: str) -> Sheet:
    """The statement, said in the language of the work in hand; its link starts with `public_url`."""
    locale, closing = spoken(), money(found.closing_minor, found.currency)
    return sheet(
        found.head,
        name=statement_name(found, "pdf"),
        made_at=found.changed_at,
        kind=say("Statement of account"),
        number=None,
        to=found.customer,
        to_label=say("Statement for"),
        facts=[
            (say(mark("From", context="days")), day_text(found.first, locale)),
            (say(mark("To", context="days")), day_text(found.last, locale)),
            (say("Charged"), money(found.charged_minor, found.currency)),
            (say("Paid and credited"), money(found.credited_minor, found.currency)),
            *_credit(found),
            (say("Currency"), found.currency.value),
        ],
        headline={
            "label": say("Balance"), "value": closing,
            "note": say("Owed at the end of {day}.", day=day_text(found.last, locale)),
        },
        link=_pay_link(found, public_url),
        tables=[_movements(found), _ages(found)],
        totals=[total(say("Total"), closing, strong=True)],
        notes=[],
    )  # fmt: skip


def _pay_link(found: Statement, public_url: str) -> Part | None:
    path = pay_path(found)
    if path is None:
        return None
    return {
        "url": public_url.rstrip("/") + path,
        "text": say("Pay all open invoices"),
        "note": say("You are asked to sign in first."),
    }


def _credit(found: Statement) -> list[tuple[str, str | None]]:
    """What credit there is, if any."""
    if not found.credit_minor:
        return []
    return [(say("Credit not used yet"), money(found.credit_minor, found.currency))]


def csv_of(found: Statement) -> Iterator[str]:
    """The statement as a CSV file, said in the language of the work in hand; days and amounts are written as
    programs take them."""

    def balance(day: date, label: str, minor: int) -> str:
        return line([day.isoformat(), label, None, None, None, None, _plain(found, minor)])

    yield BOM + line([say(label) for label in COLUMNS])
    yield balance(found.first, say("Opening balance"), found.opening_minor)
    for one in found.movements:
        charged, credited = max(one.amount_minor, 0), max(-one.amount_minor, 0)
        yield line([
            one.day.isoformat(), words_of(one), ", ".join(one.numbers),
            one.due_on.isoformat() if one.cause is EntryCause.INVOICE_FINALIZED and one.due_on else None,
            _plain(found, charged) if charged else None, _plain(found, credited) if credited else None,
            _plain(found, one.balance_minor),
        ])  # fmt: skip
    yield balance(found.last, say("Closing balance"), found.closing_minor)


def json_of(found: Statement) -> dict[str, Any]:
    """The statement for programs; amounts are decimal texts, as everywhere in the API."""

    def amount(minor: int) -> str:
        return Money(minor, found.currency).decimal_text()

    return {
        "customerId": ids.shown("cus", found.customer.id), "currency": found.currency.value,
        "from": found.first.isoformat(), "to": found.last.isoformat(),
        "opening": amount(found.opening_minor), "charged": amount(found.charged_minor),
        "credited": amount(found.credited_minor), "closing": amount(found.closing_minor),
        "credit": amount(found.credit_minor),
        "movements": [
            {
                "day": one.day.isoformat(), "cause": one.cause.value, "invoices": list(one.numbers),
                "creditNote": one.note,
                "receivedOn": one.received_on.isoformat() if one.received_on else None,
                "keptAsCredit": amount(one.kept.minor) if one.kept else None,
                "amount": amount(one.amount_minor), "balance": amount(one.balance_minor),
            }
            for one in found.movements
        ],
        "ages": {age.value: amount(minor) for age, minor in found.ages.items()},
    }  # fmt: skip


def statement_name(found: Statement, ending: str) -> str:
    """What the file is called: whose account it is, and from when to when."""
    days = found.first.isoformat(), found.last.isoformat()
    return file_name(say("Statement"), found.customer.company[:30], *days, ending=ending)


def _plain(found: Statement, minor: int) -> Decimal:
    return Decimal(Money(minor, found.currency).decimal_text())


def _movements(found: Statement) -> Part:
    columns = [
        column(say("Date")), column(say("What"), wide=True), column(say("Amount"), figures=True),
        column(say("Balance"), figures=True),
    ]  # fmt: skip
    locale, currency = spoken(), found.currency
    rows = [
        row([
            day_text(one.day, locale), words_of(one), money(one.amount_minor, currency),
            money(one.balance_minor, currency),
        ])
        for one in found.movements
    ]  # fmt: skip
    ends = (found.first, say("Opening balance"), found.opening_minor), (
        found.last, say("Closing balance"), found.closing_minor,
    )  # fmt: skip
    opening, closing = (
        row([day_text(day, locale), label, "", money(minor, currency)], strong=True)
        for day, label, minor in ends
    )
    return table(columns, [opening, *rows, closing])


def _ages(found: Statement) -> Part:
    columns = [column(say("Past due"), wide=True), column(say("Open amount"), figures=True)]
    rows = [row([say(label), money(found.ages[age], found.currency)]) for age, label in AGES.items()]
    title = say("What is owed, by age on {day}", day=day_text(found.last, spoken()))
    return table(columns, rows, title=title)
