"""How the list of customers is narrowed: read from an address, and written as one again.

Surprise: what is asked travels as text only (the address of the list, a hidden field of a form), and is read
again by the same function wherever it arrives. A saved view keeps it in words of its own, which each choice
here names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any
from unicodedata import normalize
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from billing.addresses import Country, address_rules
from billing.customer_narrowing import (
    LONGEST_SEARCH,
    MOST_TAGS,
    CustomerSort,
    TagMatch,
    WantedBalance,
    WantedStatus,
    read_bounds,
)
from billing.texts import Checks
from db import ids
from errors import NotFound, Problem
from languages import decimal, mark, say
from portal import numbers
from portal.chips import Chip
from portal.form import Form

Choices = Mapping[str, tuple[str, StrEnum | None]]
STATUSES: Choices = {
    "": (mark("Not archived"), WantedStatus.NOT_ARCHIVED),
    "active": (mark("Active"), WantedStatus.ACTIVE),
    "setup": (mark("In set-up"), WantedStatus.SETUP),
    "archived": (mark("Archived"), WantedStatus.ARCHIVED),
    "all": (mark("Any status"), WantedStatus.ANY),
}
SORTS: Choices = {
    "": (mark("Company, A to Z"), CustomerSort.COMPANY_ASC),
    "company-desc": (mark("Company, Z to A"), CustomerSort.COMPANY_DESC),
    "balance": (mark("Highest balance"), CustomerSort.BALANCE_DESC),
    "newest": (mark("Newest"), CustomerSort.CREATED_AT_DESC),
    "changed": (mark("Last changed"), CustomerSort.UPDATED_AT_DESC),
}
COUNTRIES: Choices = {"": (mark("Any country"), None)} | {
    str(country).lower(): (address_rules(country).name, country) for country in Country
}
BALANCES: Choices = {
    "": (mark("Any balance"), WantedBalance.ANY),
    "some": (mark("Has a balance"), WantedBalance.SOME),
    "none": (mark("Nothing open"), WantedBalance.NONE),
}
MATCHES: Choices = {
    "": (mark("Any of these tags"), TagMatch.ANY),
    "all": (mark("All of these tags"), TagMatch.ALL),
}
CHOICES: Mapping[str, Mapping[str, Any]] = {
    "status": STATUSES,
    "sort": SORTS,
    "country": COUNTRIES,
    "balance": BALANCES,
    "match": MATCHES,
    "overdue": {"": "", "yes": mark("Overdue")},
}
BOUNDS = ("from", "to")
TEXTS = ("search", *BOUNDS)
# The choices whose words a saved view keeps.
KEPT = ("status", "sort", "country", "balance", "match")
TAG = "tag"
VIEW = "view"
_NOBODY = UUID(int=0)


@dataclass(frozen=True)
class Narrowing:
    """What the list is asked for: `texts` by their names in the address, `bounds` the right amounts.

    `view` is the id of the saved view that it began as.
    """

    texts: Mapping[str, str]
    tags: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    bounds: Mapping[str, str] = field(default_factory=dict)
    view: str = ""

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Narrowing":
        """What `pairs` of an address ask for: what can't be meant is left out, a wrong amount is told."""
        given: dict[str, str] = {}
        tags: list[str] = []
        view = ""
        for name, text in pairs:
            typed = text.strip()[:LONGEST_SEARCH]
            if name == TAG:
                tags += [typed] if typed else []
            elif name == VIEW:
                view = typed
            elif name in TEXTS or typed in CHOICES.get(name, ()):
                given[name] = numbers.plain(typed) if name in BOUNDS else typed
        texts = {name: text for name, text in given.items() if text}
        problems, bounds = _read_bounds(texts)
        return cls(texts, tuple(dict.fromkeys(tags))[:MOST_TAGS], problems, bounds, view)

    @classmethod
    def written(cls, query: str) -> "Narrowing":
        """As `of`, from what `query` wrote."""
        return cls.of(parse_qsl(query))

    @classmethod
    def kept(cls, view: Mapping[str, Any]) -> "Narrowing":
        """What a saved view stands for, as a document asks for it (`view.graphql`)."""
        pairs = [(TAG, tag) for tag in view["tagIds"]] + [(VIEW, view["id"])]
        pairs += [(name, view[name]) for name in TEXTS if view[name]]
        pairs += [("overdue", "yes")] if view["overdue"] else []
        for name in KEPT:
            pairs += [(name, word) for word, (_, meant) in CHOICES[name].items() if meant == view[name]]
        return cls.of(pairs)

    @property
    def fields(self) -> dict[str, Any]:
        """It as the rule of saved views takes it."""
        words = {name: CHOICES[name][self.value(name)][1] for name in KEPT}
        said = {name: word and word.value for name, word in words.items()}
        return {
            "tag_match": said.pop("match"),
            **said,
            "search": self.value("search") or None,
            "balance_from": self.value("from") or None,
            "balance_to": self.value("to") or None,
            "is_overdue": bool(self.value("overdue")),
            "tag_ids": [_tag_id(tag) for tag in self.tags],
        }

    def pairs(self) -> list[tuple[str, str]]:
        """It as pairs of an address, always in the same order."""
        plain = [(name, self.texts[name]) for name in (*TEXTS, *CHOICES) if name in self.texts]
        asked = plain + [(TAG, tag) for tag in self.tags]
        return [*asked, (VIEW, self.view)] if self.view else asked

    def query(self) -> str:
        """It as the query of an address."""
        return urlencode(self.pairs())

    def address(self, path: str) -> str:
        """The list at `path`, narrowed like this, from its beginning."""
        query = self.query()
        return f"{path}?{query}" if query else path

    def without(self, *names: str, tag: str | None = None) -> "Narrowing":
        """The same with choices or a tag taken away."""
        texts = {name: text for name, text in self.texts.items() if name not in names}
        return replace(self, texts=texts, tags=tuple(one for one in self.tags if one != tag))

    def cleared(self) -> "Narrowing":
        """Only the order of it."""
        kept = {name: text for name, text in self.texts.items() if name == "sort"}
        return Narrowing(kept, view=self.view)

    def within(self, view: str) -> "Narrowing":
        """The same as what a saved view's list shows, or shows no longer."""
        return replace(self, view=view)

    def is_like(self, other: "Narrowing") -> bool:
        """Does it find the same customers in the same order? A wrong amount is like nothing."""
        return not self.problems and self._meant == other._meant

    def value(self, name: str) -> str:
        """A plain choice, "" when it is not made."""
        return self.texts.get(name, "")

    @property
    def is_narrowed(self) -> bool:
        """Is anything left out but the archived?"""
        return bool(self.tags or self.texts.keys() - {"sort", "match"})

    @property
    def variables(self) -> dict[str, Any]:
        """The arguments of the API's `customers`."""
        return {
            "search": self.value("search") or None,
            "where": self._where(),
            "orderBy": SORTS[self.value("sort")][1],
        }

    @property
    def form(self) -> Form:
        """It as a form, with what is wrong at its field."""
        typed = {name: (text,) for name, text in self.texts.items()} | ({TAG: self.tags} if self.tags else {})
        return Form(typed=typed, problems=self.problems)

    def chips(self, path: str, names: Mapping[str, str]) -> list[Chip]:
        """What is on, each with the address without it; `names` are those of the tags by their ids."""
        said = [
            ("status", say("Status: {status}", status=STATUSES[self.value("status")][0])),
            ("country", say("Country: {country}", country=COUNTRIES[self.value("country")][0])),
            ("balance", BALANCES[self.value("balance")][0]),
            ("overdue", say("Overdue")),
            ("from", say("Balance from {amount}", amount=decimal(self.value("from")))),
            ("to", say("Balance to {amount}", amount=decimal(self.value("to")))),
            ("search", say("Search: {words}", words=self.value("search"))),
        ]
        wrong = {str(problem.path[0]) for problem in self.problems}
        made = [
            Chip(text, self.without(name).address(path))
            for name, text in said
            if self.value(name) and name not in wrong
        ]
        joined = mark("and tag: {tag}") if self.value("match") else mark("or tag: {tag}")
        return made + [
            Chip(
                say(joined if place else mark("Tag: {tag}"), tag=names.get(tag, mark("one that is gone"))),
                self.without(tag=tag).address(path),
            )
            for place, tag in enumerate(self.tags)
        ]

    @property
    def _meant(self) -> dict[str, Any]:
        """It without what is only another way of writing the same."""
        meant = self.fields
        bounds = {name: Decimal(text) for name, text in self.bounds.items()}
        search = " ".join(normalize("NFC", self.value("search")).split())
        several = len(self.tags) > 1
        return meant | {
            "search": search, "balance_from": bounds.get("from"), "balance_to": bounds.get("to"),
            "tag_ids": sorted(self.tags), "tag_match": several and meant["tag_match"],
        }  # fmt: skip

    def _where(self) -> dict[str, Any]:
        where: dict[str, Any] = {}
        status = STATUSES[self.value("status")][1]
        if status is WantedStatus.NOT_ARCHIVED:
            where["status"] = {"in": ["SETUP", "ACTIVE"]}
        elif status is not WantedStatus.ANY:
            where["status"] = {"eq": status}
        if self.tags:
            where["tags"] = {self.value("match") or "any": list(self.tags)}
        if self.value("country"):
            where["country"] = {"eq": self.value("country").upper()}
        if self.value("overdue"):
            where["isOverdue"] = {"eq": True}
        asked: list[dict[str, str]] = []
        if self.value("balance"):
            asked.append({"gt": "0"} if self.value("balance") == "some" else {"eq": "0"})
        asked += [{"gte": self.bounds["from"]}] if "from" in self.bounds else []
        asked += [{"lte": self.bounds["to"]}] if "to" in self.bounds else []
        if asked:
            where["AND"] = [{"balance": one} for one in asked]
        return where


def _read_bounds(texts: Mapping[str, str]) -> tuple[tuple[Problem, ...], dict[str, str]]:
    """The bounds of the balance, and what is wrong with them; a wrong one bounds nothing."""
    checks = Checks()
    read = read_bounds(checks, ("from", texts.get("from")), ("to", texts.get("to")))
    given = zip(("from", "to"), read, strict=True)
    return tuple(checks.problems), {name: texts[name] for name, amount in given if amount is not None}


def _tag_id(text: str) -> UUID:
    """The tag's id; one that no tag has, for a text that is none."""
    try:
        return ids.parsed(text, "tag")
    except NotFound:
        return _NOBODY


def options(choices: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Choices as a select takes them."""
    return [(value, said if isinstance(said, str) else said[0]) for value, said in choices.items()]


LISTED = {name: options(CHOICES[name]) for name in ("status", "sort", "country", "balance", "match")}
"""What the selects above the list offer."""
