"""Picking from the catalogue in the invoice editor: a product fills a line, a tax rate goes on every line.

Surprise: what is picked is typed into the form, as if by hand, and nothing else: it can be changed there, and
a later change of the catalogue finds no trace of itself.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from billing.invoice_fields import MOST_TAXES
from errors import Invalid, Problem
from languages import mark, say
from portal.form import Form, Row

ITEM, TAX = "pick-item", "pick-tax"
_PRICES = {"USD": "usdPrice", "CAD": "cadPrice"}
_TYPED = ("description", "quantity", "unit_price", "discount", "discount_percent")


class Picked(NamedTuple):
    """The form as it is then, and the field to go on with."""

    form: Form
    focus: str | None = None


def picked(form: Form, content: Mapping[str, Any], currency: str, most_lines: int) -> Picked:
    """The form with what was picked; as it was when no button of picking was pressed."""
    if form.pressed == ITEM:
        item = _chosen(content["catalogueItems"]["nodes"], form.value("pick_item"))
        if item is None:
            return _wrong(form, "pick_item", mark("Choose a product or service first."))
        return _put_item(form, item, currency, most_lines)
    if form.pressed == TAX:
        rate = _chosen(content["taxRates"]["nodes"], form.value("pick_tax"))
        if rate is None:
            return _wrong(form, "pick_tax", mark("Choose a tax first."))
        return _put_tax(form, rate)
    return Picked(form)


def _chosen(rows: list[dict[str, Any]], id_: str) -> dict[str, Any] | None:
    return next((row for row in rows if row["id"] == id_), None)


def _put_item(form: Form, item: Mapping[str, Any], currency: str, most_lines: int) -> Picked:
    rows = form.rows("lines")
    blank = next((row for row in rows if _is_blank(row)), None)
    if blank is None and len(rows) >= most_lines:
        said = say("Put at most {most_lines} lines on one invoice.", most_lines=most_lines)
        return _wrong(form, "pick_item", said)
    row = blank or Row(form, "lines", rows[-1].index + 1 if rows else 0)
    price = item[_PRICES[currency]]
    values = {"description": item["description"] or item["name"], "quantity": "1", "unit_price": price or ""}
    live = [rate for rate in item["taxRates"] if not rate["archivedAt"]]
    for place, rate in enumerate(live):
        values |= {f"taxes-{place}-name": rate["name"], f"taxes-{place}-rate": rate["rate"]}
    return Picked(
        _with(form, {row.name(name): text for name, text in values.items()} | {"pick_item": ""}),
        row.name("quantity" if price else "unit_price"),
    )


def _put_tax(form: Form, rate: Mapping[str, Any]) -> Picked:
    changed = {"pick_tax": ""}
    for row in form.rows("lines"):
        if _is_blank(row):
            continue
        taxes = form.rows(row.name("taxes"))
        written = [tax for tax in taxes if tax.value("name").strip() or tax.value("rate").strip()]
        if len(written) >= MOST_TAXES or any(
            tax.value("name").strip().casefold() == rate["name"].casefold() for tax in written
        ):
            continue
        free = next((tax for tax in taxes if tax not in written), None)
        place = free.index if free else taxes[-1].index + 1 if taxes else 0
        at = row.name(f"taxes-{place}")
        changed |= {f"{at}-name": rate["name"], f"{at}-rate": rate["rate"]}
    if len(changed) == 1:
        return _wrong(
            form, "pick_tax", mark("No line can take this tax: fill in a line first, or it is there.")
        )
    return Picked(_with(form, changed), "pick_tax")


def _is_blank(row: Row) -> bool:
    taxes = row.form.rows(row.name("taxes"))
    return not any(row.value(name).strip() for name in _TYPED) and not any(
        tax.value(name).strip() for tax in taxes for name in ("name", "rate")
    )


def _with(form: Form, changed: Mapping[str, str]) -> Form:
    return replace(form, typed={**form.typed, **{name: (text,) for name, text in changed.items()}})


def _wrong(form: Form, field: str, message: str) -> Picked:
    return Picked(form.with_problems(Invalid([Problem("REQUIRED", (field,), message)])))
