"""How the list of customers is narrowed: read from an address, and written as one again.

Surprise: what is asked travels as text only (the address of the list, a hidden field of a form), and is read
again by the same function wherever it arrives; nothing about it is kept anywhere else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from billing.addresses import Country, address_rules
from billing.money import Currency, parse_amount
from billing.texts import Checks
from errors import Problem
from languages import mark, say
from portal.form import Form

# What a status filter asks for; archived customers are out of the way unless asked for.
STATUSES: Mapping[str, tuple[str, Mapping[str, Any] | None]] = {
    "": (mark("Not archived"), {"in": ["SETUP", "ACTIVE"]}),
    "active": (mark("Active"), {"eq": "ACTIVE"}),
    "setup": (mark("In set-up"), {"eq": "SETUP"}),
    "archived": (mark("Archived"), {"eq": "ARCHIVED"}),
    "all": (mark("Any status"), None),
}
SORTS: Mapping[str, tuple[str, str]] = {
    "": (mark("Company, A to Z"), "COMPANY_ASC"),
    "company-desc": (mark("Company, Z to A"), "COMPANY_DESC"),
    "balance": (mark("Highest balance"), "BALANCE_DESC"),
    "newest": (mark("Newest"), "CREATED_AT_DESC"),
    "changed": (mark("Last changed"), "UPDATED_AT_DESC"),
}
COUNTRIES: Mapping[str, str] = {"": mark("Any country")} | {
    str(country).lower(): address_rules(country).name for country in Country
}
BALANCES: Mapping[str, str] = {
    "": mark("Any balance"),
    "some": mark("Has a balance"),
    "none": mark("Nothing open"),
}
MATCHES: Mapping[str, str] = {"": mark("Any of these tags"), "all": mark("All of these tags")}
CHOICES: Mapping[str, Mapping[str, Any]] = {
    "status": STATUSES,
    "sort": SORTS,
    "country": COUNTRIES,
    "balance": BALANCES,
    "match": MATCHES,
    "overdue": {"": "", "yes": mark("Overdue")},
}
TEXTS = ("search", "from", "to")
TAG = "tag"
MOST_TAGS = 20
LONGEST = 200


class Chip(NamedTuple):
    """One filter that is on: what it says, and the list's address without it."""

    text: str
    href: str


@dataclass(frozen=True)
class Narrowing:
    """What the list is asked for: `texts` by their names in the address, `bounds` the right amounts."""

    texts: Mapping[str, str]
    tags: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    bounds: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Narrowing":
        """What `pairs` of an address ask for: what can't be meant is left out, a wrong amount is told."""
        given: dict[str, str] = {}
        tags: list[str] = []
        for name, text in pairs:
            typed = text.strip()[:LONGEST]
            if name == TAG:
                tags += [typed] if typed else []
            elif name in TEXTS or typed in CHOICES.get(name, ()):
                given[name] = typed
        texts = {name: text for name, text in given.items() if text}
        problems, bounds = _read_bounds(texts)
        return cls(texts, tuple(dict.fromkeys(tags))[:MOST_TAGS], problems, bounds)

    @classmethod
    def written(cls, query: str) -> "Narrowing":
        """As `of`, from what `query` wrote."""
        return cls.of(parse_qsl(query))

    def pairs(self) -> list[tuple[str, str]]:
        """It as pairs of an address, always in the same order."""
        plain = [(name, self.texts[name]) for name in (*TEXTS, *CHOICES) if name in self.texts]
        return plain + [(TAG, tag) for tag in self.tags]

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
        return Narrowing({name: text for name, text in self.texts.items() if name == "sort"})

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
            ("country", say("Country: {country}", country=COUNTRIES[self.value("country")])),
            ("balance", BALANCES[self.value("balance")]),
            ("overdue", say("Overdue")),
            ("from", say("Balance from {amount}", amount=self.value("from"))),
            ("to", say("Balance to {amount}", amount=self.value("to"))),
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

    def _where(self) -> dict[str, Any]:
        where: dict[str, Any] = {}
        status = STATUSES[self.value("status")][1]
        if status:
            where["status"] = status
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
    checks, read = Checks(), {}
    for name in ("from", "to"):
        if name in texts:
            amount = checks.read(name, parse_amount, texts[name], Currency.USD, otherwise=None)
            if amount is not None:
                read[name] = amount
    if len(read) == 2 and read["from"] > read["to"]:
        message = "The second amount is below the first. Swap them, or leave one empty."
        checks.refuse("to", code="OUT_OF_RANGE", message=message)
        del read["to"]
    return tuple(checks.problems), {name: texts[name] for name in read}


def options(choices: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Choices as a select takes them."""
    return [(value, said if isinstance(said, str) else said[0]) for value, said in choices.items()]


LISTED = {name: options(CHOICES[name]) for name in ("status", "sort", "country", "balance", "match")}
"""What the selects above the list offer."""
