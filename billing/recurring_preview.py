"""What the next invoice of an order will say, in SQL: for pages, which ask nothing but the database.

Surprise: the words are filled in here a second time. `recurring_words.filled` does it where an invoice is
made; the API's oracle compares the two (decision 28).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Date, Integer, String, case, cast, column, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from billing import dates, recurring_words
from billing.derived import Moment
from billing.invoice_fields import DAYS
from billing.invoices import InvoiceLine
from billing.partners import Partner
from billing.recurrences import day_of

MOST_LINES = 100
# A word in braces, or the text up to the next brace. The longest is taken, so a brace that begins no word
# stands for itself.
_PIECES = r"\{([A-Za-z]{1,20})([+-][0-9]{1,2})?\}|([^{]+|\{)"


def next_lines(order: Any, at: Moment) -> ColumnElement[Any]:
    """What the lines of an order's next invoice will say, the first hundred; none once it has ended."""
    lines = InvoiceLine.__table__.alias("repeated_line")  # type: ignore[attr-defined]
    partners = Partner.__table__.alias("repeating")  # type: ignore[attr-defined]
    line, partner = lines.c, partners.c
    locale = select(partner.locale).where(partner.id == order.partner_id)
    # Each names what it reads itself: all else is the row around it, however deep it stands.
    french = locale.correlate_except(partners).scalar_subquery() == "fr"
    mine = (line.partner_id == order.partner_id, line.customer_id == order.customer_id)
    wanted = (
        select(_filled(line.description, order.next_on, _until(order), french))
        .where(*mine, line.invoice_id == order.invoice_id, order.next_on.is_not(None))
        .order_by(line.position)
        .limit(MOST_LINES)
        .correlate_except(lines)
    )
    return func.array(wanted.scalar_subquery())


def _until(order: Any) -> ColumnElement[Any]:
    """The day before the one that would follow, as `recurring_words.span_of`."""
    step = order.step + 1
    following = day_of(order.starts_on, order.frequency, func.coalesce(order.every_days, 0), step)
    return case((following <= literal(DAYS[1], Date), following - 1), else_=order.next_on)


def _filled(text: Any, on: Any, until: Any, french: Any) -> ColumnElement[Any]:
    pieces = func.regexp_matches(text, _PIECES, "g").table_valued(
        column("found", ARRAY(String)), with_ordinality="place", name="piece"
    )
    derived = pieces.render_derived()
    piece = derived.c
    name, moved = func.lower(piece.found[1]), cast(func.coalesce(piece.found[2], "0"), Integer)
    count = _part("year", on) * 12 + _part("month", on) - 1 + moved
    typed = func.coalesce(piece.found[3], func.concat("{", piece.found[1], piece.found[2], "}"))
    month = _named(recurring_words.MONTHS, func.mod(count, 12), french)
    said = case(
        (name == "month", func.concat(month, " ", count // 12)),
        (name == "year", cast(_part("year", on) + moved, String)),
        (
            (name == "period") & piece.found[2].is_(None),
            func.concat(_day_text(on, french), " – ", _day_text(until, french)),
        ),
        else_=typed,
    )
    joined = func.string_agg(said, aggregate_order_by(literal(""), piece.place))
    return func.coalesce(select(joined).correlate_except(derived).scalar_subquery(), "")


def _day_text(day: Any, french: Any) -> ColumnElement[Any]:
    """As `dates.day_text`."""
    month = _named(dates.MONTHS, _part("month", day) - 1, french)
    number, year = _part("day", day), _part("year", day)
    first = case((number == 1, "1er"), else_=cast(number, String))
    return case(
        (french, func.concat(first, " ", month, " ", year)), else_=func.concat(month, " ", number, ", ", year)
    )


def _named(names: Any, place: Any, french: Any) -> ColumnElement[Any]:
    def of(months: Sequence[str]) -> ColumnElement[Any]:
        return case(dict(enumerate(months)), value=place)

    return case((french, of(names["fr"])), else_=of(names["en"]))


def _part(name: str, day: Any) -> ColumnElement[Any]:
    # Not extract(… from …): whatever stands after a FROM has to be a table with a partner.
    return cast(func.date_part(name, day), Integer)
