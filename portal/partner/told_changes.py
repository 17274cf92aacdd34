"""An edit as the log tells it: `Company from “A” to “B”`, for each field that was changed.

Surprise: rows from before the log kept values have the fields' names alone, and so has what people write
freely (memos, notes): then the field is only named.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from billing.dates import day_text
from billing.money import Currency, parse_amount
from languages import mark, say, spoken
from portal.partner import customer_form, late_draft, settings_form
from portal.worded import worded

DRAFT = late_draft.LABELS | {
    "external_id": mark("External id"), "lines": mark("Lines"), "total": mark("Total"),
}  # fmt: skip
TAG = {"name": mark("Name"), "colour": mark("Color"), "description": mark("Description")}
LABELS: Mapping[str, Mapping[str, str]] = {
    "partner": settings_form.SETTINGS, "customer": customer_form.LABELS, "invoice": DRAFT, "tag": TAG,
}  # fmt: skip
_DAYS = ("issue_on", "due_on")


def told(kind: str, details: Mapping[str, Any]) -> str:
    """What an edit of a record of that kind changed; "" when the row does not say."""
    labels, names = LABELS.get(kind, {}), details.get("fields", ())
    was, became = (_padded(details.get(side), len(names)) for side in ("was", "became"))
    return ", ".join(
        _told(labels.get(name, name), name, *values)
        for name, *values in zip(names, was, became, strict=True)
        if name in labels or kind == "partner"
    )


def _padded(values: Sequence[Any] | None, count: int) -> Sequence[Any]:
    return values if values is not None and len(values) == count else [None] * count


def _told(label: str, field: str, was: object, became: object) -> str:
    if was is None and became is None:
        return str(label)
    before, after = _said(field, was), _said(field, became)
    return say("{setting} from {was} to {became}", setting=label, was=before, became=after)


def _said(field: str, value: object) -> str:
    if isinstance(value, bool):
        return say("on") if value else say("off")
    return say("“{text}”", text=_written(field, str(value))) if value else say("nothing")


def _written(field: str, text: str) -> str:
    if field in _DAYS:
        return day_text(date.fromisoformat(text), spoken())
    if field == "total":
        amount, _, currency = text.rpartition(" ")
        return parse_amount(amount, Currency(currency)).display(spoken())
    return worded(field, text)
