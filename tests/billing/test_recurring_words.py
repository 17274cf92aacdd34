"""Words in recurring lines: filled in turn by turn, previewed, refused where there is no such word."""

from datetime import date

import pytest
from sqlalchemy import Connection, text

from billing import invoice_life, invoices, recurring_invoices
from billing.invoice_fields import InvoiceInput, LineInput
from billing.recurring_fields import RecurringInput
from billing.recurring_words import Pattern, Span, filled
from db.session import Database
from errors import Invalid
from integrations import rounds
from languages import Locale
from tests.billing.acting import Acts
from tests.billing.test_recurring_invoices import MONTHLY, nine, ordered
from tests.cast import Cast
from tests.world import nothing_changes

SPAN = Span(date(2026, 12, 31), date(2027, 1, 30))


@pytest.mark.parametrize(
    ("locale", "typed", "said"),
    [
        ("en", "Hosting {month}", "Hosting December 2026"),
        ("en", "{Month+1}, {month-1}, {month+12}", "January 2027, November 2026, December 2027"),
        ("fr", "Hébergement {month+2}", "Hébergement février 2027"),
        ("en", "{year}/{year+1}: {period}", "2026/2027: Dec 31, 2026 – Jan 30, 2027"),
        ("fr", "{period}", "31 déc. 2026 – 30 janv. 2027"),
        ("en", "{} {x} {month+123} {{month}} {period+1} {month + 1}", None),
        ("en", "100% {0}{__class__} %s", None),
    ],
)
def test_words_are_filled_in_for_the_turn(locale: Locale, typed: str, said: str | None) -> None:
    expected = typed.replace("{{month}}", "{December 2026}") if said is None else said
    assert filled(typed, SPAN, locale) == expected


def pattern(acts: Acts, cast: Cast, *texts: str, issue_on: str = "2026-03-20") -> invoices.Invoice:
    lines = [LineInput(description=one, quantity="1", unit_price="10") for one in texts]
    fields = InvoiceInput(lines=lines, issue_on=issue_on)
    made: invoices.Invoice = acts(
        cast.ada, invoices.create_draft, customer_id=cast.customers["acme"], fields=fields
    )
    return made


def described(owner: Connection) -> list[str]:
    asked = text("""
        select description from invoice_line join invoice i on i.id = invoice_id
        where recurring_id is not null order by recurs_on, position
    """)
    return list(owner.scalars(asked))


def wrong_in(refused: pytest.ExceptionInfo[Invalid]) -> set[tuple[str, tuple[str | int, ...]]]:
    return {(problem.code, problem.path) for problem in refused.value.problems}


@pytest.mark.parametrize("locale", ["en", "fr"])
def test_each_turn_says_its_own_month_in_the_partners_language(
    acts: Acts, cast: Cast, database: Database, owner: Connection, locale: str
) -> None:
    owner.execute(text("update partner set locale = :locale"), {"locale": locale})
    draft = pattern(acts, cast, "Hosting {month}", "Backup, {period}", "Plain")
    fields = RecurringInput(frequency="MONTHLY", next_on="2026-03-31", max_count="2")
    previewed = acts(cast.ada, recurring_invoices.preview, invoice_id=draft.id, fields=fields)
    words = {
        "en": ["Hosting March 2026", "Backup, Mar 31, 2026 – Apr 29, 2026"],
        "fr": ["Hosting mars 2026", "Backup, 31 mars 2026 – 29 avr. 2026"],
    }[locale]
    assert (previewed[0].on, list(previewed[0].lines)) == (date(2026, 3, 31), words)
    ordered(acts, cast, draft, fields)
    rounds.make_recurring(database, now=nine(date(2026, 4, 30)))
    # The last one, after which none follows, is for a month all the same.
    april = {
        "en": ["Hosting April 2026", "Backup, Apr 30, 2026 – May 30, 2026"],
        "fr": ["Hosting avril 2026", "Backup, 30 avr. 2026 – 30 mai 2026"],
    }[locale]
    assert described(owner) == [*words, "Plain", *april, "Plain"]


def test_a_word_there_is_not_is_refused_where_it_was_typed(acts: Acts, cast: Cast, owner: Connection) -> None:
    wrong, right = pattern(acts, cast, "Hosting {moth}"), pattern(acts, cast, "Hosting {month}", "{2026-A}")
    with nothing_changes(owner), pytest.raises(Invalid) as refused:
        acts(cast.ada, recurring_invoices.create, invoice_id=wrong.id, fields=MONTHLY)
    assert wrong_in(refused) == {("UNKNOWN_PLACEHOLDER", ("invoice_id",))}
    assert "{moth}" in refused.value.problems[0].message
    order = ordered(acts, cast, right)
    with nothing_changes(owner), pytest.raises(Invalid) as refused:
        acts(cast.ada, recurring_invoices.update, recurring_id=order.id, invoice_id=wrong.id,
             fields=RecurringInput())  # fmt: skip
    assert wrong_in(refused) == {("UNKNOWN_PLACEHOLDER", ("invoice_id",))}
    lines = [LineInput(description=one, quantity="1", unit_price="10") for one in ("Fine {year}", "{maand}")]
    with nothing_changes(owner), pytest.raises(Invalid) as refused:
        acts(cast.ada, invoices.update_draft, invoice_id=right.id, fields=InvoiceInput(lines=lines))
    assert wrong_in(refused) == {("UNKNOWN_PLACEHOLDER", ("lines", 1, "description"))}
    # Braces are anybody's in what is not repeated.
    acts(cast.ada, invoices.update_draft, invoice_id=wrong.id, fields=InvoiceInput(lines=lines))


def test_a_pattern_is_not_issued_until_nothing_repeats_it(acts: Acts, cast: Cast, owner: Connection) -> None:
    draft = pattern(acts, cast, "Hosting {month}")
    order = ordered(acts, cast, draft)
    with nothing_changes(owner), pytest.raises(Pattern):
        acts(cast.ada, invoice_life.finalize, invoice_id=draft.id)
    acts(cast.ada, recurring_invoices.end, recurring_id=order.id)
    assert acts(cast.ada, invoice_life.finalize, invoice_id=draft.id).number == "NO-00001"
    plain = pattern(acts, cast, "Hosting {2026}")
    ordered(acts, cast, plain)
    assert acts(cast.ada, invoice_life.finalize, invoice_id=plain.id).number == "NO-00002"
