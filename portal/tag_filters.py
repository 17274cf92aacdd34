"""Tags that lists are narrowed to: those of the invoice, and in the dashboard those of the customer, too.

Surprise: both may be asked for at once, each with any or all of its tags. They stand in the address under
names of their own, so that an address says whose tags it means.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from languages import mark

MOST_TAGS = 20
TAG, CUSTOMER_TAG = "tag", "customer_tag"
# By the name of the tags: that of how many of them must be there, and what they are called.
MATCH = {TAG: "match", CUSTOMER_TAG: "customer_match"}
LABELS = {TAG: mark("Tags of the invoice"), CUSTOMER_TAG: mark("Tags of the customer")}
ALL = "all"
NAMES = (*MATCH, *MATCH.values())


class Tagged(NamedTuple):
    """The tags that are asked for under one `name`; `match`: "all" if each must be there, else "any"."""

    name: str
    tags: tuple[str, ...]
    match: str

    @property
    def condition(self) -> dict[str, list[str]]:
        """As the API asks for tags."""
        return {self.match: list(self.tags)}

    @property
    def match_name(self) -> str:
        """What `match` is called in the address."""
        return MATCH[self.name]

    @property
    def label(self) -> str:
        """Whose tags they are."""
        return LABELS[self.name]

    def pairs(self) -> list[tuple[str, str]]:
        """It as pairs of an address."""
        matched = [(self.match_name, ALL)] if self.match == ALL else []
        return [*matched, *((self.name, tag) for tag in self.tags)]


class TagFilters(tuple[Tagged, ...]):
    """All the sets of tags that one list can be narrowed to, in the order they are shown in."""

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], *, names: Sequence[str]) -> "TagFilters":
        """From pairs of an address: under `names`, whatever else is asked."""
        asked = list(pairs)
        plain, made = dict(asked), []
        for name in names:
            tags = dict.fromkeys(text for other, text in asked if other == name and text)
            match = ALL if plain.get(MATCH[name]) == ALL else "any"
            made.append(Tagged(name, tuple(tags)[:MOST_TAGS], match))
        return cls(made)

    @property
    def is_on(self) -> bool:
        """Is any tag asked for?"""
        return any(one.tags for one in self)

    def pairs(self) -> list[tuple[str, str]]:
        """They as pairs of an address, always in the same order."""
        return [pair for one in self for pair in one.pairs()]

    def narrow(self, where: dict[str, Any], paths: Mapping[str, Sequence[str]]) -> None:
        """Add their conditions to a `where`, each below the fields that `paths` names for it."""
        for one in self:
            if not one.tags:
                continue
            inner = where
            for field in paths[one.name]:
                inner = inner.setdefault(field, {})
            inner["tags"] = one.condition


def sets_of(*, staffs: bool) -> tuple[str, ...]:
    """The names of what is asked at a door: a customer's people have tags on their invoices only."""
    return (CUSTOMER_TAG, TAG) if staffs else (TAG,)
