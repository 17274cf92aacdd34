"""Arguments for generated documents: pages, orders, filters and searches that mostly hit something."""

import json
from collections.abc import Mapping
from datetime import UTC, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type, is_list_type
from graphql.type import get_nullable_type

from api import reads
from api.nouns import NOUNS, Noun
from auth.actors import Actor
from tests.api.oracle import matching
from tests.api.oracle.maker import Row
from tests.api.oracle.reference import SCHEMA, Reference, cursor, order_of


class Choice(str):
    """An enum's value: written without quotes in a document, with them in variables."""


class Variable:
    """A variable in place of a value."""

    def __init__(self, name: str) -> None:
        self.name = name


def literal(value: Any) -> str:
    """A value as it stands in a document."""
    if isinstance(value, Variable):
        return f"${value.name}"
    if isinstance(value, Choice):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {literal(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)


class Asking:
    """Chooses arguments for one actor's documents, from the rows there are."""

    def __init__(self, reference: Reference, everything: Mapping[str, list[Row]], chance: Random) -> None:
        self.reference = reference
        self.everything = everything
        self.chance = chance

    @property
    def actor(self) -> Actor:
        return self.reference.actor

    def row(self, noun: Noun) -> Row | None:
        """Mostly one the actor may see, sometimes anybody's."""
        rows = self.reference.all(noun.table.name)
        if not rows or self.chance.random() < 0.1:
            rows = self.everything[noun.table.name]
        return self.chance.choice(rows) if rows else None

    def global_id(self, noun: Noun) -> str:
        """An id of the noun, or something that looks like one, or does not."""
        row = self.row(noun)
        if row is None or self.chance.random() < 0.1:
            return self.chance.choice(
                (f"{noun.prefix}_{'0' * 32}", "", "x", f"{noun.prefix}_Z", "tag_" + "a" * 32)
            )
        return f"{noun.prefix}_{row['id'].hex}"

    def page(
        self, noun: Noun, *, order: str | None = None, where: Any = None, needs: str | None = None
    ) -> dict[str, Any]:
        """The arguments of a connection. With an order or a filter to be tried, the whole list."""
        whole = order is not None or where is not None
        asked: dict[str, Any] = {}
        orders = [name for name in noun.orders if name]
        if order or needs == "orderBy" or (orders and self.chance.random() < 0.5):
            asked["orderBy"] = Choice(order or self.chance.choice(orders))
        if asked.get("orderBy") == "":
            del asked["orderBy"]
        size = needs if needs in ("first", "last") else self.chance.choice(("first", "first", "last"))
        if not whole and self.chance.random() < 0.95:
            asked[size] = self.chance.choice((0, 1, 2, 3, 5))
        for bound in ("after", "before"):
            if needs == bound or (self.chance.random() < 0.2 and not whole):
                asked.update(self._bound(noun, bound, asked.get("orderBy")))
        if where is not None:
            asked["where"] = where
        elif needs == "where" or (self.chance.random() < 0.4 and not whole):
            asked["where"] = self.where(noun)
        if noun.search and (needs == "search" or (self.chance.random() < 0.2 and not whole)):
            asked["search"] = self.words(noun)
        return asked

    def narrowing(self, noun: Noun) -> dict[str, Any]:
        """The arguments of sums over a noun's records: mostly a filter, at times words."""
        asked: dict[str, Any] = {"where": self.where(noun)} if self.chance.random() < 0.6 else {}
        if self.chance.random() < 0.2:
            asked["search"] = self.words(noun)
        return asked

    def _bound(self, noun: Noun, name: str, order: str | None) -> dict[str, str]:
        row = self.row(noun)
        if row is None:
            return {}
        column, falling = order_of(noun, order)
        written = cursor(noun, column, falling, row)
        self.reference.places[written] = (row[column], row["id"])
        return {name: written}

    def words(self, noun: Noun) -> str:
        """Beginnings of words of some record."""
        tokens = [t["token"] for t in self.reference.all("search_token") if t["kind"] == noun.search] or ["x"]
        words = [self.chance.choice(tokens) for _ in range(self.chance.choice((1, 1, 2)))]
        typed = " ".join(word[: self.chance.randrange(1, 4)] for word in words)
        return self.chance.choice((typed, typed.upper(), "  ", "nothing-of-the-kind"))

    def where(self, noun: Noun, depth: int = 0) -> dict[str, Any]:
        """A filter."""
        keys = [key for key in noun.inputs.filters if self.allowed(noun, key)]
        asked: dict[str, Any] = {}
        for key in self._some(keys):
            asked[key] = self.field(noun, key, depth)
        if depth < 2 and self.chance.random() < 0.4:
            word = self.chance.choice(("AND", "OR", "NOT"))
            several = [self.where(noun, depth + 1) for _ in range(self.chance.choice((0, 1, 2, 2)))]
            asked[word] = self.where(noun, depth + 1) if word == "NOT" else several
        return asked

    def allowed(self, noun: Noun, key: str) -> bool:
        """May the actor filter by it?"""
        see = noun.inputs.filters[key].read.see
        return see is None or self.actor.customer_id is None

    def field(self, noun: Noun, key: str, depth: int = 0, operator: str | None = None) -> dict[str, Any]:
        """What is asked of one field: a single operator, or two."""
        kind = get_named_type(SCHEMA.get_type(f"{noun.name}Where").fields[key].type)  # type: ignore[union-attr]
        assert isinstance(kind, GraphQLInputObjectType)
        name, read = noun.inputs.filters[key]
        if isinstance(read, reads.One | reads.Page):
            return self.where(NOUNS[kind.name.removesuffix("Where")], depth + 1)
        operators = [operator] if operator else self._some(list(kind.fields))
        return {one: self._asked(noun, key, name, read, one, kind) for one in operators}

    def _some(self, names: list[str]) -> list[str]:
        return self.chance.sample(names, min(len(names), self.chance.choice((1, 1, 2))))

    def _asked(
        self, noun: Noun, key: str, name: str, read: Any, operator: str, kind: GraphQLInputObjectType
    ) -> Any:
        wanted = kind.fields[operator].type
        if isinstance(read, reads.Many):
            return [self.global_id(NOUNS["Tag"]) for _ in range(self.chance.choice((0, 1, 2)))]
        if is_list_type(get_nullable_type(wanted)):
            return [
                self._value(noun, key, name, read, "in", wanted) for _ in range(self.chance.choice((0, 1, 3)))
            ]
        return self._value(noun, key, name, read, operator, wanted)

    def _value(self, noun: Noun, key: str, name: str, read: Any, operator: str, wanted: Any) -> Any:
        kind = get_named_type(wanted)
        if kind.name == "Boolean":
            return self.chance.random() < 0.5
        if isinstance(read, reads.Identity):
            return self.global_id(noun)
        if isinstance(kind, GraphQLEnumType):
            row = self.row(noun)
            stored = row[name] if row and self.chance.random() < 0.8 else None
            return Choice(stored.value if stored else self.chance.choice(list(kind.values)))
        asked = self._like(self._sample(noun, key, name, read), kind.name, operator)
        return asked.upper() if getattr(read, "fold", None) and self.chance.random() < 0.5 else asked

    def _sample(self, noun: Noun, key: str, name: str, read: Any) -> Any:
        rows = self.reference.all(noun.table.name) or self.everything[noun.table.name]
        values = [matching.compared(self.reference, noun, row, key, name, read) for row in rows]
        values = [value for value in values if value is not None]
        return self.chance.choice(values) if values else None

    def _like(self, value: Any, kind: str, operator: str) -> Any:
        near = self.chance.random() < 0.2
        if kind == "Decimal":
            amount = (Decimal(0) if value is None else value) + (Decimal("0.01") if near else 0)
            return f"{amount:.2f}"
        if kind == "DateTime":
            moment = (value or self.reference.now) + timedelta(microseconds=1 if near else 0)
            return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
        if kind == "Date":
            return ((value or self.reference.today) + timedelta(days=1 if near else 0)).isoformat()
        text = str(value if value is not None else "x")
        if operator == "contains":
            start = self.chance.randrange(len(text) + 1)
            return text[start : start + 3]
        if operator == "startsWith":
            return text[: self.chance.choice((0, 1, 2, len(text)))]
        return text + ("x" if near else "")


def plain(value: Any) -> Any:
    """A value as it travels in JSON."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Choice) else value
