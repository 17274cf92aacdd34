"""What an edit changed of a draft invoice, for the audit log: its fields, its total, and if its lines."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlmodel import SQLModel

from billing.invoice_fields import Draft
from billing.money import Currency, Money
from billing.told import told

_HEAD = ("issue_on", "due_on", "memo", "internal_note", "po_number", "external_id")


def changes(
    before: Mapping[str, Any],
    draft: Draft,
    lines: Sequence[SQLModel],
    taxes: Mapping[UUID, Sequence[SQLModel]],
) -> dict[str, Any]:
    """Details for the log, from the columns, `lines` and `taxes` that are stored before the draft is."""
    changed: dict[str, tuple[object, object]] = {
        name: (before[name], draft.values[name])
        for name in _HEAD
        if name in draft.values and draft.values[name] != before[name]
    }
    if draft.lines is not None and not _same(draft, lines, taxes):
        changed["lines"] = (None, None)
    total = draft.values.get("total_minor", before["total_minor"])
    if total != before["total_minor"]:
        currency = before["currency"]
        changed["total"] = (_text(before["total_minor"], currency), _text(total, currency))
    return told(changed)


def _same(draft: Draft, lines: Sequence[SQLModel], taxes: Mapping[UUID, Sequence[SQLModel]]) -> bool:
    given = draft.lines or ()
    if len(given) != len(lines):
        return False
    for new, old in zip(given, lines, strict=True):
        below = taxes.get(old.id, ())  # type: ignore[attr-defined]
        if not _holds(new.values, old) or len(new.taxes) != len(below):
            return False
        if not all(_holds(tax, kept) for tax, kept in zip(new.taxes, below, strict=True)):
            return False
    return True


def _holds(values: Mapping[str, Any], row: SQLModel) -> bool:
    return all(getattr(row, name) == value for name, value in values.items())


def _text(minor: int, currency: Currency) -> str:
    return f"{Money(minor, currency).decimal_text()} {currency.value}"
