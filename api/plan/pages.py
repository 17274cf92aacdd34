"""Connections: one page of a list, by keyset, with its edges, its `pageInfo` and, if asked, the total.

A cursor holds its order's checksum, the record's id and its sort key; a page begins after it by comparing the
row `(key, id)`, which an index answers at any depth. The surprise: one record more than asked for is fetched,
which is how `hasNextPage` is known; it never reaches the answer.
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from graphql import GraphQLObjectType

from api.nouns import Noun, Order
from api.plan.emit import Json, Sql, every, obj, quoted, rows, text
from api.plan.filters import given_names, narrowed, sql_type
from api.plan.objects import source
from api.plan.planning import Call, Planning, Value, int8
from api.plan.select import Asked, Row, asked_of, noun_of, object_type, selection, writes
from api.reads import Page
from errors import Invalid

DEFAULT_SIZE, MOST_COUNTED = 25, 10_000
_CHECKSUM, _ID = 8, 32


class Listing(NamedTuple):
    """A connection's list: whose rows in which order, from where, and how many."""

    row: Row
    order: Order
    conditions: list[str]
    bounds: list[str]
    backward: bool
    bounded: bool
    size: str


@writes(Page)
def page(planning: Planning, row: Row | None, asked: Asked, read: Page) -> Json:
    """A connection."""
    owner = asked.kind
    listed = object_type(owner.fields["nodes"].type)
    noun = noun_of(planning, listed)
    target = Row(noun, planning.alias(), link=read.link or "", above=row if read.link else None)
    listing = _listing(planning, target, asked, read)
    wanted = asked_of(planning, owner, asked.selections)
    found = _Columns(planning, listing, listed, alone=_is_alone(wanted, listing))
    pairs = []
    for inner in wanted:
        if inner.name == "__typename":
            made: Json = (f'"{owner.name}"',)
        elif inner.name == "totalCount":
            made = _count(listing)
        elif inner.name == "pageInfo":
            made = found.page_info(inner)
        else:
            made = found.records(inner)
        pairs.append((planning.key(inner.nodes[0], inner.name), made))
    return found.around(obj(pairs))


def _is_alone(wanted: Iterable[Asked], listing: Listing) -> bool:
    """Are the records all that is asked, once and from the start? Then they need not be counted and cut."""
    names = [inner.name for inner in wanted if inner.name not in ("__typename", "totalCount")]
    return names in (["nodes"], ["edges"]) and not listing.backward


def _listing(planning: Planning, target: Row, asked: Asked, read: Page) -> Listing:
    noun, alias = target.noun, target.alias
    arguments = planning.arguments(asked.nodes[0], asked.field)
    given = arguments.ask(_given)
    conditions = [planning.scope(noun.table, alias)]
    if target.above is not None:
        conditions.append(f"{alias}.{read.link} = {target.above.alias}.id")
    if read.only is not None:
        conditions.append(planning.expression(read.only, noun.table, alias, read.see))
    conditions += narrowed(planning, noun, alias, arguments, given)
    order = _order(planning, noun, arguments, given)
    backward = "last" in given
    bounds = [
        _bound(noun, order, alias, arguments.at(name), before=name == "before")
        for name in ("after", "before")
        if name in given
    ]
    size = _size(planning, arguments, "last" if backward else "first", given)
    return Listing(
        target, order, conditions, bounds, backward, ("before" if backward else "after") in given, size
    )


def _given(arguments: dict[str, Any]) -> tuple[str, ...]:
    given = given_names(arguments)
    if "first" in given and "last" in given:
        raise Invalid.at("last", code="BAD_PAGE", message="Ask for first or for last, not for both.")
    return given


def _size(planning: Planning, arguments: Value, name: str, given: tuple[str, ...]) -> str:
    if name not in given:
        return planning.kept("page", lambda _: int8(DEFAULT_SIZE), "bigint")

    asked = arguments.at(name).get

    def size(call: Call) -> Any:
        if not 0 <= asked(call) <= call.largest:
            message = f"A page holds 0 to {call.largest} records."
            raise Invalid.at(name, code="BAD_PAGE", message=message)
        return int8(asked(call))

    return planning.param(size, "bigint")


def _order(planning: Planning, noun: Noun, arguments: Value, given: tuple[str, ...]) -> Order:
    name = noun.default
    if "orderBy" in given:
        name = arguments.at("orderBy").ask(lambda order: order.value)
    order = noun.orders[name]
    for python_name, _, read in noun.fields:
        if order.name and order.name.rpartition("_")[0] == python_name.upper():
            planning.see(read.see, f"{noun.name}.{python_name}")
    return order


def _bound(noun: Noun, order: Order, alias: str, given: Value, *, before: bool) -> str:
    """The rows on one side of a cursor."""
    symbol = "<" if before != order.descending else ">"
    marker = cursor_marker(noun, order)
    id_ = given.param("uuid", lambda cursor: read_cursor(cursor, marker)[0])
    if order.column == "id":
        return f"{alias}.id {symbol} {id_}"
    kind = sql_type(noun.table.c[order.column].type)
    key = given.param(kind, lambda cursor: _KEYS[kind](read_cursor(cursor, marker)[1]))
    return f"({alias}.{order.column}, {alias}.id) {symbol} ({key}, {id_})"


def cursor_marker(noun: Noun, order: Order) -> str:
    """What a cursor of this order begins with: one of another order is no place in it."""
    return hashlib.sha256(f"{noun.name} {order.column} {order.descending}".encode()).hexdigest()[:_CHECKSUM]


def read_cursor(cursor: str, marker: str) -> tuple[UUID, str]:
    """The id and the sort key in a cursor. Refuses (BAD_CURSOR) what is none, or one of another order."""
    try:
        plain = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode()
        id_ = UUID(plain[_CHECKSUM : _CHECKSUM + _ID])
    except (UnicodeError, BadBase64, ValueError):
        raise bad_cursor() from None
    if plain[:_CHECKSUM] != marker or "\0" in plain:
        raise bad_cursor()
    return id_, plain[_CHECKSUM + _ID :]


def bad_cursor() -> Invalid:
    """The refusal of a cursor."""
    message = "This cursor is none of this list's in this order. Begin without a cursor."
    return Invalid.at("after", code="BAD_CURSOR", message=message)


def _checked(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def key(written: str) -> Any:
        try:
            return parse(written)
        except (ValueError, OverflowError):
            raise bad_cursor() from None

    return key


def _whole(written: str) -> Any:
    number = int(written) if len(written) <= 20 else 2**63
    if not -(2**63) <= number < 2**63:
        raise ValueError(written)
    return int8(number)


_KEYS: dict[str, Callable[[str], Any]] = {
    "text": str,
    "bigint": _checked(_whole),
    "date": _checked(date.fromisoformat),
    "timestamptz": _checked(lambda written: datetime.fromisoformat(written).replace(tzinfo=UTC)),
}
_WRITTEN = {
    "text": "{}",
    "bigint": "{}::text",
    "date": "to_char({},'YYYY-MM-DD')",
    "timestamptz": "to_char({} at time zone 'UTC','YYYY-MM-DD HH24:MI:SS.US')",
}


def can_begin_after(kind: str) -> bool:
    """Can lists be sorted by this SQL type: does an index answer its comparison under row-level security?"""
    return kind in _KEYS


def _cursor(listing: Listing) -> Json:
    noun, order, alias = listing.row.noun, listing.order, listing.row.alias
    marker = quoted(cursor_marker(noun, order))
    key = ""
    if order.column != "id":
        kind = sql_type(noun.table.c[order.column].type)
        key = "||" + _WRITTEN[kind].format(f"{alias}.{order.column}")
    plain = f"convert_to({marker}||replace({alias}.id::text,'-',''){key},'UTF8')"
    return ('"', Sql(f"translate(encode({plain},'base64'),E'+/=\\n','-_')"), '"')


def written_cursor(noun: Noun, order: Order, id_: UUID, key: str) -> str:
    """A cursor as the database writes it, for whoever needs one without a page."""
    return urlsafe_b64encode(f"{cursor_marker(noun, order)}{id_.hex}{key}".encode()).decode().rstrip("=")


def _count(listing: Listing) -> Json:
    found = f"select from {source(listing.row)} where {every(listing.conditions)} limit {MOST_COUNTED:d}"
    return (Sql(f"(select count(*)::text from ({found}) counted)"),)


class _Columns:
    """What is fetched of each record, as arrays `p.a1`, `p.a2` …, and what is said of the page with them."""

    def __init__(
        self, planning: Planning, listing: Listing, listed: GraphQLObjectType, *, alone: bool
    ) -> None:
        self._planning = planning
        self._alone = alone
        self._listing = listing
        self._listed = listed
        self._made: list[str] = []
        self._used = False

    def records(self, asked: Asked) -> Json:
        """`nodes` or `edges`."""
        if asked.name == "nodes":
            return rows(
                self._slice(selection(self._planning, self._listing.row, self._listed, asked.selections))
            )
        return rows(self._slice(self._edge(asked)))

    def _edge(self, asked: Asked) -> Json:
        owner = asked.kind
        pairs = []
        for inner in asked_of(self._planning, owner, asked.selections):
            if inner.name == "__typename":
                made: Json = (f'"{owner.name}"',)
            elif inner.name == "cursor":
                made = _cursor(self._listing)
            else:
                made = selection(self._planning, self._listing.row, self._listed, inner.selections)
            pairs.append((self._planning.key(inner.nodes[0], inner.name), made))
        return obj(pairs)

    def page_info(self, asked: Asked) -> Json:
        """`pageInfo`."""
        owner = asked.kind
        pairs = []
        for inner in asked_of(self._planning, owner, asked.selections):
            pairs.append((self._planning.key(inner.nodes[0], inner.name), self._about(inner, owner)))
        return obj(pairs)

    def _about(self, asked: Asked, owner: GraphQLObjectType) -> Json:
        listing = self._listing
        if asked.name == "__typename":
            return (f'"{owner.name}"',)
        if asked.name in ("startCursor", "endCursor"):
            place = "1" if asked.name == "startCursor" else f"least(p.n,{listing.size})::int"
            return (Sql(f"coalesce(({self._slice(_cursor(listing))})[{place}],'null')"),)
        self._used = True
        if (asked.name == "hasPreviousPage") == listing.backward:
            return (Sql(f"(p.n > {listing.size})::text"),)
        return ("true" if listing.bounded else "false",)

    def _slice(self, json: Json) -> str:
        """The records of the page, of all that were fetched."""
        made = text(json)
        if self._alone:
            return f"array({self._found(made)} limit {self._listing.size})"
        self._used = True
        if made not in self._made:
            self._made.append(made)
        array = f"p.a{self._made.index(made) + 1}"
        if self._listing.backward:
            return f"{array}[greatest(p.n-{self._listing.size},0)::int+1:]"
        return f"{array}[:({self._listing.size})::int]"

    def around(self, json: Json) -> Json:
        """The connection's object, over the records it needs."""
        if not self._used:
            return json
        return (Sql(f"(select {text(json)} from ({self._fetched()}) p)"),)

    @property
    def _falling(self) -> bool:
        return self._listing.order.descending != self._listing.backward

    @property
    def _keys(self) -> list[str]:
        return [
            f"{self._listing.row.alias}.{name}" for name in dict.fromkeys((self._listing.order.column, "id"))
        ]

    def _found(self, made: str) -> str:
        listing = self._listing
        return (
            f"select {made} from {source(listing.row)}"
            f" where {every(listing.conditions + listing.bounds)}"
            f" order by {_sorted(self._keys, self._falling)}"
        )

    def _fetched(self) -> str:
        listing, keys = self._listing, self._keys
        made = [f"{expression} as a{place}" for place, expression in enumerate(self._made, 1)]
        if listing.backward:
            made += [f"{key} as k{place}" for place, key in enumerate(keys, 1)]
        inner = f"{self._found(','.join(made))} limit {listing.size}+1"
        if listing.backward:
            back = _sorted([f"y.k{place}" for place in range(1, len(keys) + 1)], not self._falling)
            inner = f"select * from ({inner}) y order by {back}"
        arrays = "".join(f",array_agg(x.a{place}) as a{place}" for place in range(1, len(self._made) + 1))
        return f"select count(*) as n{arrays} from ({inner}) x"


def _sorted(keys: list[str], falling: bool) -> str:
    return ",".join(f"{key} desc" if falling else key for key in keys)
