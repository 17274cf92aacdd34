"""What an edit changed, as the audit log keeps it: the fields, what they were and what they became.

Surprise: rows of the log can never be cleaned. So a tax id is kept by its last four digits, and of what
people write freely, where anybody may be named, the log only says that it was changed.
"""

from collections.abc import Mapping
from typing import Any

# Memos, notes and descriptions: both values are null in the log.
FREE = frozenset({"memo", "internal_note", "description", "lines"})
MASKED = frozenset({"tax_id", "ein"})
_SHOWN = 4


def told(changed: Mapping[str, tuple[object, object]]) -> dict[str, Any]:
    """Details for `audit.record`, from what each field was and became.

    Nothing is "", a number or a day its text; what has another field's value in another form
    (`company_key`) is left out.
    """
    names = sorted(name for name in changed if not name.endswith("_key"))
    return {
        "fields": names,
        "was": [_kept(name, changed[name][0]) for name in names],
        "became": [_kept(name, changed[name][1]) for name in names],
    }


def between(before: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """The same, from all that was stored and the values that differ."""
    return told({name: (before[name], value) for name, value in changed.items()})


def _kept(name: str, value: object) -> object:
    if name in FREE:
        return None
    if isinstance(value, bool):
        return value
    text = "" if value is None else str(value)
    return f"…{text[-_SHOWN:]}" if text and name in MASKED else text
