"""What a list of invoices may be narrowed to, at both doors: words, tags, due dates, currency.

Surprise: all of it stands in the address, so a narrowed list can be kept and sent on. What is no date there
is said and otherwise left out: a list that silently ignored half of what was asked would be believed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from starlette.requests import Request

from billing.money import Currency

LONGEST = 200
MOST_TAGS = 20
ALL = "all"


@dataclass(frozen=True)
class Filters:
    """One list's narrowing, as it was asked for. `match`: "all" if every tag must be on it, else any."""

    search: str
    tags: tuple[str, ...]
    match: str
    due_from: str
    due_to: str
    currency: str

    @classmethod
    def read(cls, request: Request) -> "Filters":
        """From the address."""
        query = request.query_params

        def one(name: str) -> str:
            return query.get(name, "").strip()[:LONGEST]

        tags = dict.fromkeys(tag[:LONGEST] for tag in query.getlist("tag") if tag)
        currency = one("currency").upper()
        return cls(
            search=one("search"),
            tags=tuple(tags)[:MOST_TAGS],
            match=ALL if one("match") == ALL else "any",
            due_from=one("due_from"),
            due_to=one("due_to"),
            currency=currency if currency in set(Currency) else "",
        )

    @property
    def problem(self) -> str | None:
        """What is wrong with the dates, and how to fix it."""
        typed = [text for text in (self.due_from, self.due_to) if text]
        if not all(_day(text) for text in typed):
            return "Write due dates as YYYY-MM-DD, like 2026-03-31. Until then they are left out."
        if len(typed) == 2 and self.due_from > self.due_to:
            return "The first due date is after the last one: nothing lies between them."
        return None

    @property
    def more(self) -> bool:
        """Is anything asked that stands under "More filters"?"""
        return bool(self.tags or self.due_from or self.due_to or self.currency)

    @property
    def narrowed(self) -> bool:
        """Is anything asked at all?"""
        return bool(self.search) or self.more

    def where(self) -> Mapping[str, Any]:
        """The conditions on invoices, beside the words."""
        found: dict[str, Any] = {}
        if self.tags:
            found["tags"] = {"all" if self.match == ALL else "any": list(self.tags)}
        ends = {"gte": _day(self.due_from), "lte": _day(self.due_to)}
        if due := {name: day.isoformat() for name, day in ends.items() if day}:
            found["dueOn"] = due
        if self.currency:
            found["currency"] = {"eq": self.currency}
        return found


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
