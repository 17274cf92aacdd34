"""What the list of customers can be narrowed to, where that is kept: its words, and what is refused.

Surprise: a tag is looked for only when it is asked for anew. One that was deleted since stays in what is
kept: nothing is widened in silence, and whoever opens it is told.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlmodel import Session, col, select

from auth.actors import Actor
from billing.addresses import Country
from billing.inputs import Input
from billing.money import Currency, Money, parse_amount
from billing.tags import Tag, among
from billing.texts import Checks
from languages import say

MOST_TAGS = 20
LONGEST_SEARCH = 200
Choice = TypeVar("Choice", bound=StrEnum)


class TagMatch(StrEnum):
    """With one of the tags, or with each of them."""

    ANY = "ANY"
    ALL = "ALL"


class WantedStatus(StrEnum):
    """Archived customers are out of the way unless asked for."""

    NOT_ARCHIVED = "NOT_ARCHIVED"
    ACTIVE = "ACTIVE"
    SETUP = "SETUP"
    ARCHIVED = "ARCHIVED"
    ANY = "ANY"


class WantedBalance(StrEnum):
    """SOME is above zero, NONE is zero."""

    ANY = "ANY"
    SOME = "SOME"
    NONE = "NONE"


class CustomerSort(StrEnum):
    """As the API's lists name their orders."""

    COMPANY_ASC = "COMPANY_ASC"
    COMPANY_DESC = "COMPANY_DESC"
    BALANCE_DESC = "BALANCE_DESC"
    CREATED_AT_DESC = "CREATED_AT_DESC"
    UPDATED_AT_DESC = "UPDATED_AT_DESC"


class NarrowingInput(Input):
    """A narrowing as it was asked for. For a change, what is not given stays as it is; null asks nothing."""

    search: str | None = None
    tag_ids: Sequence[UUID] | None = None
    tag_match: str | None = None
    status: str | None = None
    country: str | None = None
    balance: str | None = None
    balance_from: str | None = None
    balance_to: str | None = None
    is_overdue: bool | None = None
    sort: str | None = None


PLAIN: Mapping[str, Any] = {
    "search": None,
    "tag_ids": (),
    "tag_match": TagMatch.ANY,
    "status": WantedStatus.NOT_ARCHIVED,
    "country": None,
    "balance": WantedBalance.ANY,
    "balance_from_minor": None,
    "balance_to_minor": None,
    "is_overdue": False,
    "sort": CustomerSort.COMPANY_ASC,
}
"""The list as it is without any narrowing, by column."""


def read_narrowing(
    db: Session, actor: Actor, checks: Checks, fields: NarrowingInput, before: Mapping[str, Any]
) -> dict[str, Any]:
    """The columns after the given fields are changed. Notes at the field: TOO_LONG, TOO_MANY, NOT_FOUND for a
    tag the partner has not, WRONG_TYPE for a word that is none, and amounts as `read_bounds`.
    """
    values = {name: before[name] for name in PLAIN}
    if fields.gives("search"):
        values["search"] = checks.line("search", fields.search, required=False, limit=LONGEST_SEARCH)
    if fields.gives("tag_ids"):
        values["tag_ids"] = _tags(db, actor, checks, fields.tag_ids or (), before["tag_ids"])
    for name, kind in (("tag_match", TagMatch), ("status", WantedStatus), ("balance", WantedBalance),
                       ("sort", CustomerSort)):  # fmt: skip
        if fields.gives(name):
            values[name] = _choice(checks, name, kind, getattr(fields, name)) or PLAIN[name]
    if fields.gives("country"):
        values["country"] = _choice(checks, "country", Country, fields.country)
    if fields.gives("is_overdue"):
        values["is_overdue"] = bool(fields.is_overdue)
    values |= _bounds(checks, fields, values)
    values["tag_ids"] = list(values["tag_ids"])
    if len(values["tag_ids"]) < 2:
        values["tag_match"] = TagMatch.ANY  # of one tag, any is all
    return values


def read_bounds(
    checks: Checks, low: tuple[str, str | None], high: tuple[str, str | None]
) -> tuple[Money | None, Money | None]:
    """The two bounds of a balance, each given as its field and text, in cents of whatever currency.

    Notes what is wrong at the field, as `parse_amount`, and OUT_OF_RANGE at the second if it is below the
    first; a wrong one bounds nothing.
    """
    first, second = (
        checks.read(name, parse_amount, text, Currency.USD, otherwise=None, required=False)
        for name, text in (low, high)
    )
    if first is not None and second is not None and first > second:
        message = "The second amount is below the first. Swap them, or leave one empty."
        checks.refuse(high[0], code="OUT_OF_RANGE", message=message)
        return first, None
    return first, second


def _bounds(checks: Checks, fields: NarrowingInput, before: Mapping[str, Any]) -> dict[str, int | None]:
    if not fields.gives("balance_from", "balance_to"):
        return {}
    low, high = (
        (name, getattr(fields, name) if fields.gives(name) else _written(before[f"{name}_minor"]))
        for name in ("balance_from", "balance_to")
    )
    read = read_bounds(checks, low, high)
    return {
        f"{name}_minor": None if amount is None else amount.minor
        for (name, _), amount in zip((low, high), read, strict=True)
    }


def _written(minor: int | None) -> str | None:
    return None if minor is None else Money(minor, Currency.USD).decimal_text()


def _choice(checks: Checks, name: str, kind: type[Choice], text: str | None) -> Choice | None:
    if not text:
        return None
    if text not in kind.__members__.values():
        checks.refuse(
            name, code="WRONG_TYPE", message="Send this field in the form that the schema describes."
        )
        return None
    return kind(text)


def _tags(
    db: Session, actor: Actor, checks: Checks, asked: Sequence[UUID], before: Sequence[UUID]
) -> list[UUID]:
    """The tags in one order, so that the same ones are the same narrowing."""
    wanted = sorted(set(asked))
    if len(wanted) > MOST_TAGS:
        checks.refuse("tag_ids", code="TOO_MANY", message=say("Choose at most {most} tags.", most=MOST_TAGS))
        return []
    fresh = [one for one in wanted if one not in before]
    found = db.exec(select(col(Tag.id)).where(*among(actor, fresh))).all() if fresh else []
    if len(found) != len(fresh):
        message = "One of these tags is gone. Take it off the filters, then save."
        checks.refuse("tag_ids", code="NOT_FOUND", message=message)
    return wanted
