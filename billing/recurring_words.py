"""Words in the lines of recurring invoices that change from turn to turn: `{month}`, `{month+1}`, `{period}`.

Surprise: they are filled in when an invoice is made by an order, and nowhere else. So a draft that has them
and is repeated is a pattern, which is never issued itself.
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session, select

from auth.actors import Actor
from billing.dates import day_text
from billing.invoice_fields import Draft
from billing.partners import Partner
from billing.recurrences import RecurringInvoice, RecurringStatus, Rhythm, Turn, turns
from billing.texts import Checks
from errors import Conflict
from languages import ENGLISH, Locale, known, say

MONTHS: dict[Locale, tuple[str, ...]] = {
    "en": (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
        "November", "December",
    ),
    "fr": (
        "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
        "novembre", "décembre",
    ),
}  # fmt: skip
_PLACEHOLDER = re.compile(r"\{([A-Za-z]{1,20})([+-][0-9]{1,2})?\}")


class Pattern(Conflict):
    """What is filled in from turn to turn says nothing by itself."""

    code = "HAS_PLACEHOLDERS"
    message = (
        "Its lines have words like {month}, which are filled in when it is repeated. To send this one, write"
        " out the words, or let it be repeated from today."
    )


class Span(NamedTuple):
    """What a turn is for: from its day until the day before the next one."""

    on: date
    until: date


def span_of(db: Session, rhythm: Rhythm, turn: Turn) -> Span:
    """The days a turn is for, also where no turn follows."""
    endless = rhythm._replace(ends_on=None, left=None)
    following = turns(db, endless, step=turn.step + 1, many=1)
    return Span(turn.on, following[0].on - timedelta(days=1) if following else turn.on)


def filled(text: str, span: Span, locale: Locale) -> str:
    """`Hosting {month}` as `Hosting March 2026`. What is no word of ours stays as it was typed."""
    return _PLACEHOLDER.sub(lambda found: _word(found, span, locale) or found[0], text)


def has_words(text: str) -> bool:
    """Is there anything to fill in?"""
    day = date(2000, 1, 1)
    return filled(text, Span(day, day), "en") != text


def refuse_unknown(checks: Checks, field: str, text: str) -> None:
    """Refuses UNKNOWN_PLACEHOLDER at `field` for something in braces that would not be filled in."""
    day = date(2000, 1, 1)
    for found in _PLACEHOLDER.finditer(text):
        if _word(found, Span(day, day), "en") is None:
            message = say(
                "There is no {word}. Use {known}, or write it without braces.",
                word=found[0], known="{month}, {month+1}, {month-1}, {year}, {period}",
            )  # fmt: skip
            checks.refuse(field, code="UNKNOWN_PLACEHOLDER", message=message)
            return


def require_known(db: Session, actor: Actor, invoice_id: UUID, draft: Draft) -> None:
    """The new lines of a draft: refuses UNKNOWN_PLACEHOLDER at the line's description if it is repeated."""
    checks = Checks()
    for place, line in enumerate(draft.lines or ()):
        refuse_unknown(checks.under("lines", place), "description", line.values["description"])
    if checks.problems and is_repeated(db, actor, invoice_id):
        checks.done()


def require_issuable(db: Session, actor: Actor, invoice_id: UUID, descriptions: Sequence[str]) -> None:
    """Refuses Pattern for a draft that is repeated and has words to fill in."""
    if any(map(has_words, descriptions)) and is_repeated(db, actor, invoice_id):
        raise Pattern


def is_repeated(db: Session, actor: Actor, invoice_id: UUID) -> bool:
    """Does an order that goes on repeat this invoice?"""
    going = select(RecurringInvoice.id).where(
        RecurringInvoice.partner_id == actor.partner_id,
        RecurringInvoice.invoice_id == invoice_id,
        RecurringInvoice.status != RecurringStatus.ENDED,
    )
    return db.exec(going.limit(1)).one_or_none() is not None


def language_of(db: Session, actor: Actor) -> Locale:
    """What the words are filled in in: the partner's language of mails to customers who chose none."""
    return known(db.exec(select(Partner.locale).where(Partner.id == actor.partner_id)).one()) or ENGLISH


def _word(found: re.Match[str], span: Span, locale: Locale) -> str | None:
    name, moved = found[1].lower(), int(found[2] or 0)
    if name == "month":
        count = span.on.year * 12 + span.on.month - 1 + moved
        return f"{MONTHS[locale][count % 12]} {count // 12}"
    if name == "year":
        return str(span.on.year + moved)
    if name == "period" and not found[2]:
        return f"{day_text(span.on, locale)} – {day_text(span.until, locale)}"
    return None
