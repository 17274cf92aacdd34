"""What the audit log is narrowed to: what about, who did it, whose customer, which days.

Surprise: a customer may be asked for by id (a link) or by words (a person who types). Words that are the
whole name of a customer mean that one, though others begin with them too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from auth.actors import ActorKind
from billing.search import words_asked
from db import ids
from errors import NotFound, Problem
from languages import mark, say
from portal.chips import Chip
from portal.narrowed_list import following, midnight

# What the log can be narrowed to, by the first word of what was done.
ABOUT: Mapping[str, str] = {
    "": mark("Everything"),
    "customer": mark("Customers"),
    "customer_import": mark("Imports of customers"),
    "user": mark("Users and staff"),
    "invoice": mark("Invoices"),
    "invoice_import": mark("Imports of invoices"),
    "long_act": mark("Acts on many"),
    "recurring_invoice": mark("Recurring invoices"),
    "credit_note": mark("Credit notes"),
    "pay_link": mark("Pay links"),
    "payment": mark("Payments"),
    "outside_payment": mark("Payments from outside"),
    "payment_method": mark("Payment methods"),
    "tag": mark("Tags"),
    "catalogue_item": mark("Products and services"),
    "tax_rate": mark("Tax rates"),
    "view": mark("Saved views"),
    "api_key": mark("API keys"),
    "partner": mark("Settings"),
    "portal_session": mark("Portal sessions"),
    "impersonation": mark("Views of portals"),
    "audit": mark("This log"),
}
# Who acted, by what they are; a single person or key is asked for by id.
KINDS: Mapping[str, tuple[str, ActorKind]] = {
    "staff": (mark("Anyone of your team"), ActorKind.STAFF),
    "users": (mark("Any customer's user"), ActorKind.CUSTOMER_USER),
    "keys": (mark("Any API key"), ActorKind.API_KEY),
    "tokens": (mark("Any portal session"), ActorKind.PORTAL_TOKEN),
    "guests": (mark("Anyone with a pay link"), ActorKind.GUEST),
    "system": (mark("Remit itself"), ActorKind.SYSTEM),
}
PREFIXES = ("usr", "key")
NAMES = ("about", "who", "customer", "since", "until")
LONGEST = 200
MOST_CUSTOMERS = 100
NONE: Mapping[str, Any] = {"id": {"in": []}}


@dataclass(frozen=True)
class Asked:
    """What the log is narrowed to; the days are of the partner's calendar, both included.

    `customer` is an id or words; `customers` are the ids they stand for, once somebody looked them up.
    """

    about: str
    who: str
    customer: str
    since: date | None
    until: date | None
    problems: tuple[Problem, ...] = ()
    customers: tuple[str, ...] | None = None

    @classmethod
    def of(cls, typed: Mapping[str, str]) -> "Asked":
        """Read from an address or a form; what can't be read is told at its field, and narrows nothing."""
        about, who = typed.get("about", ""), typed.get("who", "")
        problems: list[Problem] = []
        since, until = (_day(typed.get(name, ""), name, problems) for name in ("since", "until"))
        if since and until and since > until:
            problems.append(
                Problem("BAD_RANGE", ("until",), "Choose a last day that is not before the first.")
            )
            since = until = None
        return cls(
            about if about in ABOUT else "",
            who if who in KINDS or any(is_id(who, prefix) for prefix in PREFIXES) else "",
            " ".join(typed.get("customer", "").split())[:LONGEST],
            since, until, tuple(problems),
        )  # fmt: skip

    @property
    def lookup(self) -> dict[str, Any]:
        """The arguments that look up whom `customer` means."""
        if not self.customer:
            return {"exactly": NONE, "words": None, "most": 0}
        if is_id(self.customer, "cus"):
            return {"exactly": {"id": {"eq": self.customer}}, "words": None, "most": 0}
        # Nothing that is a word would find everybody.
        most = MOST_CUSTOMERS if words_asked(self.customer) else 0
        return {"exactly": {"company": {"eq": self.customer}}, "words": self.customer, "most": most}

    def meaning(self, exact: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> "Asked":
        """With the customers that were looked up; nobody, or too many, is told at the field."""
        if not self.customer:
            return self
        wrong: Problem | None = None
        rows = exact or found["nodes"]
        if not rows:
            wrong = Problem("NOT_FOUND", ("customer",), "No customer of yours has such a name.")
        elif not exact and found["pageInfo"]["hasNextPage"]:
            wrong = Problem(
                "TOO_MANY", ("customer",),
                say("More than {most} customers fit. Type more of the name.", most=MOST_CUSTOMERS),
            )  # fmt: skip
        if wrong:
            return replace(self, customer="", problems=(*self.problems, wrong))
        return replace(self, customers=tuple(row["id"] for row in rows))

    def where(self, time_zone: str) -> dict[str, Any]:
        """The document's filter."""
        asked: dict[str, Any] = {"action": {"startsWith": f"{self.about}."}} if self.about else {}
        if self.who in KINDS:
            asked["actorKind"] = {"eq": KINDS[self.who][1].value}
        elif self.who:
            asked["actorId"] = {"eq": self.who}
        if self.customers is not None:
            asked["customer"] = {"id": {"in": list(self.customers)}}
        at: dict[str, str] = {}
        if self.since:
            at["gte"] = midnight(self.since, time_zone)
        if self.until:
            at["lt"] = midnight(following(self.until), time_zone)
        return {**asked, "at": at} if at else asked

    @property
    def texts(self) -> dict[str, str]:
        """What is asked, as it stands in the address."""
        return {name: str(value) for name in NAMES if (value := getattr(self, name))}

    def address(self, path: str, **changed: str) -> str:
        """The log at `path`, narrowed like this but for what is `changed`; "" takes one away."""
        asked = {name: text for name, text in {**self.texts, **changed}.items() if text}
        return f"{path}?{urlencode(asked)}" if asked else path

    def chips(self, path: str, *, who: str, customer: str) -> list[Chip]:
        """What is on, each with the address without it; `who` and `customer` are their names."""
        said = {
            "about": say("About: {what}", what=ABOUT[self.about]),
            "who": say("By: {who}", who=who),
            "customer": say("Customer: {customer}", customer=customer),
            "since": say("From {day}", day=self.since),
            "until": say("To {day}", day=self.until),
        }
        return [Chip(said[name], self.address(path, **{name: ""})) for name in self.texts]


def named(customers: Iterable[Mapping[str, Any]], asked: Asked) -> str:
    """What the customers that are asked for are called together."""
    names: list[str] = [row["company"] for row in customers]
    if len(names) == 1:
        return names[0]
    return say("{words} ({count} customers)", words=asked.customer, count=len(names))


def is_id(text: str, prefix: str) -> bool:
    """Is `text` written as an id of such records?"""
    try:
        ids.parsed(text, prefix)
    except NotFound:
        return False
    return True


def _day(typed: str, name: str, problems: list[Problem]) -> date | None:
    written = typed.strip()
    if not written:
        return None
    try:
        return date.fromisoformat(written)
    except ValueError:
        problems.append(Problem("BAD_DATE", (name,), "Enter the day as YYYY-MM-DD."))
        return None
