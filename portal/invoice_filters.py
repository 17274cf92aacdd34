"""What a list of invoices may be narrowed to, at both doors: words, tags, days, amounts, currency, customer.

Surprise: all of it stands in the address, so a narrowed list can be kept and sent on. What is no date or
amount there is said and otherwise left out: a list that silently ignored half of what was asked would be
believed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import urlencode

from billing.money import Currency, parse_amount
from errors import Invalid
from languages import mark
from portal import numbers
from portal.tag_filters import CUSTOMER_TAG, TAG, TagFilters, sets_of

LONGEST = 200
# Where the tags are, of invoices.
_TAGGED = {TAG: (), CUSTOMER_TAG: ("customer",)}


class Span(NamedTuple):
    """What lies between two ends, both in: `name_from` and `name_to` in the address."""

    name: str
    compares: str
    read: Callable[[str], Any]
    wrong: str
    turned: str


def read_day(text: str) -> str:
    """A day as it is typed; raises ValueError."""
    return date.fromisoformat(text).isoformat()


def read_amount(text: str) -> str:
    """An amount in plain writing, without a currency; refuses what none could be."""
    # Every currency has cents, so a bound is none's in particular.
    return parse_amount(text, Currency.USD).decimal_text()


SPANS = (
    Span(
        "due", "dueOn", read_day,
        mark("Write due dates as YYYY-MM-DD, like 2026-03-31. Until then they are left out."),
        mark("The first due date is after the last one: nothing lies between them."),
    ),
    Span(
        "issued", "issueOn", read_day,
        mark("Write issue dates as YYYY-MM-DD, like 2026-03-31. Until then they are left out."),
        mark("The first issue date is after the last one: nothing lies between them."),
    ),
    Span(
        "total", "total", read_amount,
        mark("Write totals as amounts like 1500.00. Until then they are left out."),
        mark("The first total is above the second: nothing lies between them."),
    ),
    Span(
        "balance", "balance", read_amount,
        mark("Write balances as amounts like 1500.00. Until then they are left out."),
        mark("The first balance is above the second: nothing lies between them."),
    ),
)  # fmt: skip
# Fields that hold, or begin with, what was typed.
WORDS = {"number": ("number", "startsWith"), "po": ("poNumber", "contains")}
# What is asked about conversations, as conditions.
TALKS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "open": (mark("With an open question or dispute"), {"hasOpenThread": {"eq": True}}),
    "disputed": (mark("Disputed"), {"isDisputed": {"eq": True}}),
}
NAMES = (
    "search", "currency", "customer", "talk", *WORDS,
    *(f"{span.name}_{end}" for span in SPANS for end in ("from", "to")),
)  # fmt: skip


@dataclass(frozen=True)
class Filters:
    """One list's narrowing, as it was asked for: its texts by their names in the address, and its `tagged`.

    `bounds` are the ends that can be meant, by what they compare; `problems` say what is wrong with others.
    """

    texts: Mapping[str, str]
    tagged: TagFilters = field(default_factory=TagFilters)
    bounds: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], *, staffs: bool = False) -> "Filters":
        """From pairs of an address; the last of a name counts. `staffs`: of the partner's list."""
        asked = [(name, text.strip()[:LONGEST]) for name, text in pairs]
        texts = plain_amounts({name: text for name, text in asked if name in NAMES and text})
        texts["currency"] = texts.get("currency", "").upper()
        if texts["currency"] not in set(Currency):
            del texts["currency"]
        if texts.get("talk", "") not in TALKS:
            texts.pop("talk", None)
        bounds, problems = bounds_of(texts)
        return cls(texts, TagFilters.of(asked, names=sets_of(staffs=staffs)), bounds, problems)

    def value(self, name: str) -> str:
        """What was asked under a name; "" for nothing."""
        return self.texts.get(name, "")

    @property
    def search(self) -> str:
        """The words."""
        return self.value("search")

    @property
    def talks(self) -> list[tuple[str, str]]:
        """What may be asked about conversations, each with its words."""
        return [(name, text) for name, (text, _) in TALKS.items()]

    @property
    def more(self) -> bool:
        """Is anything asked that stands under "More filters"?"""
        return self.tagged.is_on or bool(self.texts.keys() - {"search", "customer"})

    @property
    def narrowed(self) -> bool:
        """Is anything asked at all?"""
        return self.tagged.is_on or bool(self.texts)

    def pairs(self) -> list[tuple[str, str]]:
        """It as pairs of an address, always in the same order."""
        plain = [(name, self.texts[name]) for name in NAMES if name in self.texts]
        return plain + self.tagged.pairs()

    def query(self) -> str:
        """It as the query of an address."""
        return urlencode(self.pairs())

    def where(self) -> Mapping[str, Any]:
        """The conditions on invoices, beside the words."""
        found: dict[str, Any] = {name: dict(ends) for name, ends in self.bounds.items()}
        if self.value("currency"):
            found["currency"] = {"eq": self.value("currency")}
        if self.value("customer"):
            found["customer"] = {"id": {"eq": self.value("customer")}}
        if self.value("talk"):
            found.update(TALKS[self.value("talk")][1])
        for name, (compares, how) in WORDS.items():
            if self.value(name):
                found[compares] = {how: self.value(name)}
        self.tagged.narrow(found, _TAGGED)
        return found


def plain_amounts(texts: Mapping[str, str], spans: Sequence[Span] = SPANS) -> dict[str, str]:
    """The texts with amounts in plain writing, so that the next reader of the address reads the same."""
    amounts = {f"{span.name}_{end}" for span in spans if span.read is read_amount for end in ("from", "to")}
    return {name: numbers.plain(text) if name in amounts else text for name, text in texts.items()}


def bounds_of(
    texts: Mapping[str, str], spans: Sequence[Span] = SPANS
) -> tuple[dict[str, dict[str, str]], tuple[str, ...]]:
    """The ends that can be meant, and what is wrong with the others."""
    bounds: dict[str, dict[str, str]] = {}
    problems = []
    for span in spans:
        ends, wrong = {}, False
        for end, operator in (("from", "gte"), ("to", "lte")):
            if text := texts.get(f"{span.name}_{end}"):
                try:
                    ends[operator] = span.read(text)
                except (ValueError, Invalid):
                    wrong = True
        if ends:
            bounds[span.compares] = ends
        if wrong:
            problems.append(span.wrong)
        elif len(ends) == 2 and _order(ends["gte"]) > _order(ends["lte"]):
            problems.append(span.turned)
    return bounds, tuple(problems)


def _order(text: str) -> tuple[int, str]:
    """Days and amounts as they follow each other: the longer amount is the larger one."""
    return len(text), text
