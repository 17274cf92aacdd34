"""A draft that comes too late: what somebody else saved of it meanwhile, and what was typed.

Surprise: of the lines the page carries no copy, only a short print of each. They tell which lines the other
one changed and which were touched here; what is saved now is read anew, and what was typed is in the form.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from difflib import SequenceMatcher
from hashlib import sha256
from typing import Any, NamedTuple

from billing.dates import day_text
from billing.invoice_fields import MOST_LINES
from languages import decimal, mark, say, spoken
from portal.form import Form, Row
from portal.meanwhile import SHOWN, VERSION, Change, merged, shown

LINE_FIELDS = ("description", "quantity", "unit_price", "discount", "discount_percent")
LABELS = {
    "issue_on": mark("Issue date"),
    "due_on": mark("Due date"),
    "po_number": mark("PO number"),
    "memo": mark("Memo"),
    "internal_note": mark("Internal note"),
}
LINES = f"{SHOWN}-lines"
HIDDEN = (VERSION, *(f"{SHOWN}-{name}" for name in LABELS), LINES)
CHANGED, ADDED, REMOVED = "changed", "added", "removed"


class LineChange(NamedTuple):
    """A line that somebody else changed, added or removed; `number` is its own in what is saved now, or of
    one that was removed, the one it had. `now` is what is saved, `mine` what the form shows if it is other;
    `missing`: the form has no such line.
    """

    what: str
    number: int
    now: Row | None
    mine: Row | None
    missing: bool = False


class Late(NamedTuple):
    """What the other one changed: the fields above the lines and below them, and the lines."""

    fields: Sequence[Change]
    lines: Sequence[LineChange]

    def __bool__(self) -> bool:
        return bool(self.fields or self.lines)


def begun(stored: Form) -> Form:
    """The form of a stored draft, which carries what it was made from."""
    hidden = shown(0, {name: stored.value(name) for name in LABELS}) | {LINES: " ".join(_prints(stored))}
    hidden[VERSION] = stored.value(VERSION)
    return Form(typed={**stored.typed, **{name: (text,) for name, text in hidden.items()}})


def taxes_of(row: Row) -> list[Row]:
    """The taxes of a line in which something is typed."""
    return [
        tax for tax in row.form.rows(row.name("taxes"))
        if tax.value("name").strip() or tax.value("rate").strip()
    ]  # fmt: skip


def put_together(form: Form, stored: Form) -> tuple[Form, Late]:
    """The form once more after somebody else saved, and what the other one changed.

    What was typed stays; what was not touched is as it is now. Lines are told apart by their place: where
    either of the two added or removed some, all lines stay as they were typed.
    """
    mine = form.without_blank_rows("lines")
    before, typed, now = form.value(LINES).split(), _prints(mine), _prints(stored)
    if typed == before:
        rows = stored.rows("lines")
    elif len(before) == len(typed) == len(now):
        pairs = zip(before, typed, mine.rows("lines"), stored.rows("lines"), strict=True)
        rows = [theirs if print_ == was else own for was, print_, own, theirs in pairs]
    else:
        rows = mine.rows("lines")
    together, fields = merged(mine, LABELS, {name: stored.value(name) for name in LABELS})
    fresh = {name: texts for name, texts in begun(stored).typed.items() if name in HIDDEN}
    heads = {name: texts for name, texts in together.typed.items() if not name.startswith("lines-")}
    again = replace(form, typed={**heads, **dict(_moved(rows)), **fresh})
    return again, Late(list(_worded(form, fields)), list(_lines(before, stored, again)))


def typed_text(form: Form) -> str:
    """All that was typed as plain text, to be copied elsewhere."""
    said = [f"{say(label)}: {form.value(name)}" for name, label in LABELS.items() if form.value(name)]
    for row in form.without_blank_rows("lines").rows("lines"):
        said.append(f"{say('Line {number}', number=row.number)}: {line_text(row)}")
    return "\n".join(said)


def line_text(row: Row) -> str:
    """A line as one reads it: `Work, 3 × 33.33, discount 12.5%, GST 5%`."""
    numbers = {name: decimal(row.value(name)) for name in LINE_FIELDS[1:]}
    price = " × ".join(text for text in (numbers["quantity"], numbers["unit_price"]) if text)
    percent, amount = numbers["discount_percent"], numbers["discount"]
    discount = f"{percent}%" if percent else amount if amount.strip("0.,") else ""
    parts = [
        row.value("description"), price, say("discount {discount}", discount=discount) if discount else "",
        *(f"{tax.value('name')} {decimal(tax.value('rate'))}%" for tax in taxes_of(row)),
    ]  # fmt: skip
    return ", ".join(part for part in parts if part)


def _prints(form: Form) -> list[str]:
    """One for each line: alike when the same is typed."""
    return [_print(row) for row in form.rows("lines")[:MOST_LINES]]


def _print(row: Row) -> str:
    taxes = [[tax.value("name"), tax.value("rate")] for tax in taxes_of(row)]
    texts: list[Any] = [*(row.value(name) for name in LINE_FIELDS), *taxes]
    return sha256(json.dumps(texts).encode()).hexdigest()[:12]


def _moved(rows: Sequence[Row]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The fields of these rows of whatever forms, numbered anew."""
    for index, row in enumerate(rows):
        prefix = f"lines-{row.index}-"
        for name, texts in row.form.typed.items():
            if name.startswith(prefix):
                yield f"lines-{index}-{name.removeprefix(prefix)}", texts


def _worded(form: Form, fields: Sequence[Change]) -> Iterator[Change]:
    """The changes as they are read: days as days are written; terms that were chosen fill in a due date."""
    days = form.value("terms_days")
    for one in fields:
        mine = one.mine if one.mine is None else _said(one.mine)
        if days and one.label == LABELS["due_on"]:
            mine = say("by terms of {days} days", days=days)
        yield Change(one.label, _said(one.before), _said(one.now), mine)


def _said(text: str) -> str:
    try:
        return day_text(date.fromisoformat(text), spoken())
    except ValueError:
        return text or say("nothing")


def _lines(before: Sequence[str], stored: Form, again: Form) -> Iterator[LineChange]:
    saved, kept = stored.rows("lines"), again.rows("lines")
    now, shown_now = _prints(stored), _prints(again)
    for what, i1, i2, j1, j2 in SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        for i, j in zip(range(i1, i1 + j2 - j1), range(j1, j2), strict=True):
            there = now[j] in shown_now
            own = kept[i] if i < min(i2, len(kept)) and not there else None
            yield LineChange(CHANGED if i < i2 else ADDED, j + 1, saved[j], own, not there and own is None)
        for i in range(i1 + j2 - j1, i2):
            own = kept[i] if len(kept) > len(now) and i < len(kept) else None
            yield LineChange(REMOVED, i + 1, None, own)
