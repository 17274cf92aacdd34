"""The reference reader: documents answered plainly and slowly, to hold the planner against.

graphql-core executes over plain rows with one resolver, so that aliases, fragments, merging, directives and
variables come from an independent implementation; filters, orders, cursors and whose rows are whose are
written here again. The only thing shared with the planner is what the noun files declare about fields.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from graphql import GraphQLResolveInfo, build_schema, execute_sync, get_named_type, parse

from api import reads
from api.nouns import NOUNS, Noun, read_of
from api.schema import GRAPHQL, sdl
from auth.actors import Actor
from billing.addresses import Country, address_rules
from languages import spoken
from tests.api.oracle import matching, twins
from tests.api.oracle.maker import Row
from tests.api.oracle.rows import World

SCHEMA = build_schema(sdl())
NOUN_OF_TABLE = {noun.table.name: noun for noun in NOUNS.values()}

Visible = Callable[[Row, Actor], bool]


def _own_side(row: Row, actor: Actor) -> bool:
    return row["owner_id"] == actor.customer_id


def _own_customer(row: Row, actor: Actor) -> bool:
    return actor.customer_id is None or row["customer_id"] == actor.customer_id


def _issued_part(row: Row, actor: Actor) -> bool:
    return actor.customer_id is None or (_own_customer(row, actor) and row["issued"])


VISIBLE: dict[str, Visible] = {
    "customer": lambda row, actor: actor.customer_id is None or row["id"] == actor.customer_id,
    "tag": _own_side,
    "customer_tag": _own_side,
    "api_key": lambda row, actor: actor.customer_id is None,
    "customer_note": _own_side,
    "access_request": _own_side,
    "recurring_invoice": _own_side,
    "customer_view": lambda row, actor: (
        actor.customer_id is None and (row["is_shared"] or row["created_by"] == actor.id)
    ),
    "unread_thread": lambda row, actor: row["member_id"] == actor.member_id and _own_customer(row, actor),
    "pay_link": _own_side,
    "tax_rate": _own_side,
    "catalogue_item": _own_side,
    "catalogue_item_tax": _own_side,
    "customer_import": lambda row, actor: actor.customer_id is None,
    "customer_import_row": lambda row, actor: actor.customer_id is None,
    "invoice_import": lambda row, actor: actor.customer_id is None,
    "invoice_import_row": lambda row, actor: actor.customer_id is None,
    "invoice_tag": _own_side,
    "invoice": lambda row, actor: (
        actor.customer_id is None or (_own_customer(row, actor) and row["status"].value != "DRAFT")
    ),
    "invoice_line": _issued_part,
    "invoice_line_tax": _issued_part,
}


@dataclass
class Found:
    """A record on its way through the executor."""

    noun: Noun
    row: Row


class Reference:
    """Answers documents for one actor, from the rows alone."""

    def __init__(self, world: World, actor: Actor) -> None:
        self.actor = actor
        self.now, self.today = world.now, world.today
        self._tables = {
            name: [row for row in rows if self._seen(name, row)] for name, rows in world.tables.items()
        }
        self._ids = {
            name: {row["id"]: row for row in rows}
            for name, rows in self._tables.items()
            if "id" in (rows or [{}])[0]
        }
        self.places: dict[str, tuple[Any, UUID]] = {}
        """What the cursors stand for that the generator hands out."""
        self.held: dict[str, set[bool]] = {}
        """What was compared in this document, and how it came out."""

    def _seen(self, table: str, row: Row) -> bool:
        partner = row["id"] if table == "partner" else row["partner_id"]
        if partner != self.actor.partner_id:
            return False
        return table == "partner" or VISIBLE.get(table, _own_customer)(row, self.actor)

    def all(self, table: str) -> list[Row]:
        """The rows of a table that the actor may see."""
        return self._tables[table]

    def only(self, owner: str, name: str) -> Callable[[Row], bool]:
        """Which records a list is for, beside those that point to its owner."""
        return twins.ONLY.get(f"{owner}.{name}", lambda row: True)

    def note(self, what: str, holds: bool) -> None:
        """Remember that something was looked at on a row that is there."""
        if what:
            self.held.setdefault(what, set()).add(holds)

    def find(self, table: str, id_: UUID | None) -> Row | None:
        return self._ids.get(table, {}).get(id_)

    def answer(self, query: str, variables: Mapping[str, Any]) -> Any:
        """The whole answer: data as a dict in the answer's order."""
        self.held = {}
        found = execute_sync(
            SCHEMA, parse(query), variable_values=dict(variables), field_resolver=self._resolve,
            type_resolver=lambda value, *_: value.noun.name, root_value=self,
        )  # fmt: skip
        if found.errors:
            raise found.errors[0].original_error or found.errors[0]
        return found.data

    def _resolve(self, source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        if isinstance(source, dict):
            self.note(f"{info.parent_type.name}.{info.field_name}", source[info.field_name] is not None)
            return source[info.field_name]
        if not isinstance(source, Found | Reference | Actor):
            self.note(f"{info.parent_type.name}.{info.field_name}", True)
            return getattr(source, _snake(info.field_name))
        value = self._read(source, info, arguments)
        self.note(f"{info.parent_type.name}.{info.field_name}", value is not None)
        return value

    def _read(self, source: Any, info: GraphQLResolveInfo, arguments: dict[str, Any]) -> Any:
        declared = GRAPHQL.get_type(info.parent_type.name).fields[info.field_name]  # type: ignore[union-attr]
        read = read_of(declared)
        python_name = declared.extensions["strawberry-definition"].python_name
        return getattr(self, "_" + _snake(type(read).__name__))(source, info, read, python_name, arguments)

    # One method per way of reading, named as it is.

    def _identity(self, source: Found, info: Any, read: reads.Identity, name: str, arguments: Any) -> Any:
        return f"{source.noun.prefix}_{source.row['id'].hex}"

    def _column(self, source: Found, info: Any, read: reads.Column, name: str, arguments: Any) -> Any:
        return _shown(source.row[read.name or name], read.places)

    def _computed(self, source: Found, info: Any, read: Any, name: str, arguments: Any) -> Any:
        return twins.VALUES[f"{info.parent_type.name}.{info.field_name}"](self, source.row)

    def _amount(self, source: Found, info: Any, read: reads.Amount, name: str, arguments: Any) -> Any:
        if isinstance(read.minor, str):
            cents = source.row[read.minor]
        else:
            cents = twins.CENTS[f"{info.parent_type.name}.{info.field_name}"](self, source.row)
        holder = source.row
        if read.through:
            holder = self.find(NOUNS[read.through[1]].table.name, source.row[read.through[0]]) or {}
        return {"amount": f"{Decimal(cents) / 100:.2f}", "currency": holder[read.currency].value}

    def _reference(self, source: Found, info: Any, read: reads.Reference, name: str, arguments: Any) -> Any:
        noun = dict(read.kinds).get(source.row[read.kind])
        id_ = source.row[read.name]
        return f"{NOUNS[noun].prefix}_{id_.hex}" if noun and id_ else None

    def _one(self, source: Found, info: Any, read: reads.One, name: str, arguments: Any) -> Any:
        return self._record(info, source.row[read.link])

    def _record(self, info: Any, id_: UUID | None) -> Found | None:
        noun = NOUNS[get_named_type(info.return_type).name]
        row = self.find(noun.table.name, id_)
        return Found(noun, row) if row else None

    def _latest(self, source: Found, info: Any, read: reads.Latest, name: str, arguments: Any) -> Any:
        noun = NOUNS[get_named_type(info.return_type).name]
        only = twins.ONLY[f"{info.parent_type.name}.{info.field_name}"]
        rows = [r for r in self.all(noun.table.name) if r[read.link] == source.row["id"] and only(r)]
        return Found(noun, max(rows, key=lambda row: (row["created_at"], row["id"]))) if rows else None

    def _own(self, source: Found, info: Any, read: reads.Own, name: str, arguments: Any) -> Any:
        row = self.owned(read, source.row)
        if read.column is not None:
            return _shown(row[read.column], None) if row else None
        return self.has_own(read, source.row)

    def owned(self, read: reads.Own, row: Row) -> Row | None:
        """What the actor, as a member, has about a row."""
        return next((one for one in self.all(read.table.name) if one[read.link] == row["id"]), None)

    def has_own(self, read: reads.Own, row: Row) -> bool | None:
        """Has the actor anything about it? Nobody knows of whoever is no member."""
        return None if self.actor.member_id is None else self.owned(read, row) is not None

    def _own_count(self, source: Actor, info: Any, read: reads.OwnCount, name: str, arguments: Any) -> Any:
        rows = self.all(read.table.name)
        return None if self.actor.member_id is None else min(len(rows), read.most)

    def _many(self, source: Found, info: Any, read: reads.Many, name: str, arguments: Any) -> Any:
        noun = NOUNS[get_named_type(info.return_type).name]
        rows = self.linked(read, source.row, noun.table.name)
        return [
            Found(noun, row)
            for row in sorted(rows, key=lambda row: (row[read.sort], row["id"]))[: read.limit]
        ]

    def linked(self, read: reads.Many, row: Row, of: str = "tag") -> list[Row]:
        """What a row is tied to by a link table."""
        table, here, there = read.through
        ids = {link[there] for link in self.all(table.name) if link[here] == row["id"]}
        return [other for other in self.all(of) if other["id"] in ids]

    def _kept(self, source: Found, info: Any, read: reads.Kept, name: str, arguments: Any) -> Any:
        kept = source.row[name][: read.limit]
        return [{**one, "message": one["message"][spoken()]} for one in kept]

    def _by_id(self, source: Any, info: Any, read: Any, name: str, arguments: Any) -> Any:
        noun = NOUNS[get_named_type(info.return_type).name]
        return next((found for found in self._any(arguments["id"]) if found.noun is noun), None)

    def _any(self, text: str) -> list[Found]:
        prefix, _, digits = text.partition("_")
        for noun in NOUNS.values():
            if noun.prefix == prefix:
                rows = [row for row in self.all(noun.table.name) if row["id"].hex == digits]
                return [Found(noun, row) for row in rows]
        return []

    def _any_by_id(self, source: Any, info: Any, read: reads.AnyById, name: str, arguments: Any) -> Any:
        if read.several:
            return [next(iter(self._any(text)), None) for text in arguments["ids"]]
        return next(iter(self._any(arguments["id"])), None)

    def _myself(self, source: Any, info: Any, read: Any, name: str, arguments: Any) -> Actor:
        return self.actor

    def _known(self, source: Actor, info: Any, read: reads.Known, name: str, arguments: Any) -> Any:
        return read.value(self.actor)

    def _mine(self, source: Actor, info: Any, read: reads.Mine, name: str, arguments: Any) -> Any:
        return self._record(info, read.id_of(self.actor))

    def _mine_column(
        self, source: Actor, info: Any, read: reads.MineColumn, name: str, arguments: Any
    ) -> Any:
        row = self.find(read.table.name, read.id_of(self.actor))
        return row[read.column] if row else None

    def _fixed(self, source: Any, info: Any, read: Any, name: str, arguments: Any) -> Any:
        return address_rules(Country(arguments["country"]))

    def _sums(self, source: Any, info: Any, read: Any, name: str, arguments: Any) -> Any:
        noun = NOUN_OF_TABLE[read.table.name]
        rows = self._narrowed(noun, self.all(read.table.name), arguments)
        return twins.SUMS[f"{info.parent_type.name}.{info.field_name}"](self, rows)

    def _page(self, source: Any, info: Any, read: reads.Page, name: str, arguments: Any) -> Any:
        kind: Any = get_named_type(info.return_type)
        noun = NOUNS[get_named_type(kind.fields["nodes"].type).name]
        rows = self.all(noun.table.name)
        if read.link:
            rows = [row for row in rows if row[read.link] == source.row["id"]]
        only = self.only(info.parent_type.name, info.field_name)
        rows = [row for row in rows if only(row)]
        return self._connection(noun, rows, arguments)

    def _connection(self, noun: Noun, rows: list[Row], asked: Mapping[str, Any]) -> dict[str, Any]:
        given = {name: value for name, value in asked.items() if value is not None}
        rows = self._narrowed(noun, rows, given)
        column, falling = order_of(noun, given.get("orderBy"))
        if len(rows) > 1:
            self.note(f"{noun.name}Order.{given.get('orderBy') or noun.default}", True)
        for name in given:
            self.note(f"{noun.name}({name})", bool(rows))
        rows = sorted(rows, key=lambda row: (row[column], row["id"]), reverse=falling)
        count = len(rows)
        page = [row for row in rows if self._between(column, falling, row, given)]
        size = given.get("last", given.get("first", 25))
        backward = "last" in given
        kept = (page[-size:] if size else []) if backward else page[:size]
        more = len(page) > size
        edges = [{"node": Found(noun, row), "cursor": cursor(noun, column, falling, row)} for row in kept]
        info = {
            "hasNextPage": "before" in given if backward else more,
            "hasPreviousPage": more if backward else "after" in given,
            "startCursor": edges[0]["cursor"] if edges else None,
            "endCursor": edges[-1]["cursor"] if edges else None,
        }
        nodes = [edge["node"] for edge in edges]
        return {"nodes": nodes, "edges": edges, "pageInfo": info, "totalCount": min(count, 10_000)}

    def _narrowed(self, noun: Noun, rows: list[Row], asked: Mapping[str, Any]) -> list[Row]:
        if asked.get("where") is not None:
            rows = [row for row in rows if matching.matches(self, noun, row, asked["where"])]
        if asked.get("search") is not None:
            rows = [row for row in rows if matching.found(self, noun, row, asked["search"])]
        return rows

    def _between(self, column: str, falling: bool, row: Row, given: Mapping[str, Any]) -> bool:
        here = (row[column], row["id"])
        for name in ("after", "before"):
            if name in given:
                there = self.places[given[name]]
                later = here < there if falling else here > there
                if not (later if name == "after" else here != there and not later):
                    return False
        return True


def order_of(noun: Noun, name: str | None) -> tuple[str, bool]:
    """The column and direction of an `orderBy`, from what the noun declares."""
    order = noun.orders[name if name is not None else noun.default]
    return order.column, order.descending


def cursor(noun: Noun, column: str, falling: bool, row: Row) -> str:
    """A cursor, written from its description: checksum of the order, id, key."""
    marker = hashlib.sha256(f"{noun.name} {column} {falling}".encode()).hexdigest()[:8]
    key = row[column]
    if isinstance(key, datetime):
        written = key.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    else:
        written = "" if column == "id" else str(key.isoformat() if isinstance(key, date) else key)
    return urlsafe_b64encode(f"{marker}{row['id'].hex}{written}".encode()).decode().rstrip("=")


def _shown(value: Any, places: int | None) -> Any:
    if places and value is not None:
        text = f"{Decimal(value).scaleb(-places):f}"
        return text if places == 2 else text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, date) else value


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")
