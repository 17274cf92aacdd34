"""Records and their fields: columns, expressions, money, the record a link points at, short lists, root
fields.

The surprise: money on a row that has no currency of its own takes it from the row it was reached from, when
that is the one that has it; only otherwise is a table joined for it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from graphql import (
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from api.nouns import NOUNS, Noun
from api.plan.emit import NULL, Json, Sql, global_id, obj, quoted, rows, scalar, text
from api.plan.planning import Call, Planning
from api.plan.select import Asked, Row, asked_of, noun_of, selection, writes
from api.reads import (
    Amount,
    AnyById,
    ById,
    Column,
    Computed,
    Fixed,
    Identity,
    Kept,
    KeptText,
    Known,
    Latest,
    Many,
    Mine,
    MineColumn,
    Myself,
    One,
    Own,
    OwnCount,
    Part,
    Reference,
)
from db import ids
from errors import NotFound
from languages import spoken


def record_id(text_: Any, prefix: str) -> UUID | None:
    """The id in a global id of the kind `prefix`; None for anything else, which then matches nothing."""
    try:
        return ids.parsed(text_, prefix)
    except NotFound:
        return None


def source(row: Row) -> str:
    """What a row is selected from: its table, and what was joined to it."""
    return " ".join([f"{row.noun.table.name} {row.alias}", *(row.joins or {}).values()])


@writes(Identity)
def identity(planning: Planning, row: Row, asked: Asked, read: Identity) -> Json:
    """The record's global id."""
    return global_id(row.noun.prefix, f"{row.alias}.id")


@writes(Column)
def column(planning: Planning, row: Row, asked: Asked, read: Column) -> Json:
    """A stored value."""
    stored = row.noun.table.c[read.name or python_name(asked)]
    return _scalar(asked, f"{row.alias}.{stored.name}", sure=not stored.nullable, places=read.places or 0)


@writes(Computed)
def computed(planning: Planning, row: Row, asked: Asked, read: Computed) -> Json:
    """An expression's value; the database does not promise that there is one."""
    return _scalar(asked, planning.expression(read.make, row.noun.table, row.alias, read.see), sure=False)


def _scalar(asked: Asked, expression: str, *, sure: bool, places: int = 0) -> Json:
    kind = asked.field.type
    name = str(get_nullable_type(kind))
    return scalar(
        expression, name, nullable=not is_non_null_type(kind), sure=sure, name=asked.label, places=places
    )


def python_name(asked: Asked) -> str:
    """What a field is called in its declaration."""
    name: str = asked.field.extensions["strawberry-definition"].python_name
    return name


@writes(Amount)
def amount(planning: Planning, row: Row, asked: Asked, read: Amount) -> Json:
    """Money: cents and their currency."""
    if isinstance(read.minor, str):
        minor, sure = f"{row.alias}.{read.minor}", not row.noun.table.c[read.minor].nullable
    else:
        minor, sure = planning.expression(read.minor, row.noun.table, row.alias, read.see), False

    pairs = []
    for inner in asked_of(planning, asked.kind, asked.selections):
        if inner.name == "__typename":
            made: Json = ('"Money"',)
        elif inner.name == "amount":
            made = scalar(minor, "Decimal", nullable=False, sure=sure, name=asked.label, places=2)
        else:
            made = scalar(
                f"{_currency_of(planning, row, read)}.{read.currency}",
                "Currency",
                nullable=False,
                sure=True,
                name="",
            )
        pairs.append((planning.key(inner.nodes[0], inner.name), made))
    return obj(pairs)


def _currency_of(planning: Planning, row: Row, read: Amount) -> str:
    """The alias of the row that holds the currency."""
    if read.through is None:
        return row.alias
    link, noun_name = read.through
    if row.above is not None and row.link == link:
        return row.above.alias
    if row.joins is None:
        row.joins = {}
    if link not in row.joins:
        table, alias = NOUNS[noun_name].table, planning.alias()
        row.joins[link] = (
            f"join {table.name} {alias} on {planning.scope(table, alias)} and {alias}.id = {row.alias}.{link}"
        )
    return row.joins[link].split()[2]


@writes(Part)
def part(planning: Planning, row: Row, asked: Asked, read: Part) -> Json:
    """An object made of the same row."""
    return selection(planning, row, asked.kind, asked.selections)


@writes(Reference)
def reference(planning: Planning, row: Row, asked: Asked, read: Reference) -> Json:
    """The global id of a record whose kind another column names; null for kinds the API has not."""
    cases = " ".join(f"when {quoted(kind)} then {quoted(NOUNS[name].prefix)}" for kind, name in read.kinds)
    known = f"(case {row.alias}.{read.kind} {cases} end)"
    return [Sql(f"coalesce('\"'||{known}||'_'||replace({row.alias}.{read.name}::text,'-','')||'\"','null')")]


@writes(One)
def one(planning: Planning, row: Row, asked: Asked, read: One) -> Json:
    """The record a link points at."""
    noun = noun_of(planning, asked.kind)
    if row.above is not None and row.link == read.link:
        return selection(planning, row.above, asked.kind, asked.selections)
    return single(planning, noun, asked, f"{row.alias}.{read.link}")


def single(
    planning: Planning, noun: Noun, asked: Asked, id_: str, kind: GraphQLObjectType | None = None
) -> Json:
    """The record with an id, or null."""
    target = Row(noun, planning.alias())
    body = text(selection(planning, target, kind or asked.kind, asked.selections))
    where = f"{planning.scope(noun.table, target.alias)} and {target.alias}.id = {id_}"
    # Of a list, each record may be missing; the list itself never is.
    sure = is_non_null_type(asked.field.type) and not is_list_type(get_nullable_type(asked.field.type))
    otherwise = f"must({quoted(asked.label)})" if sure else "'null'"
    return [Sql(f"coalesce((select {body} from {source(target)} where {where}),{otherwise})")]


@writes(Own)
def own(planning: Planning, row: Row, asked: Asked, read: Own) -> Json:
    """What the member who asks has about the record: a look at the key of their rows."""
    condition = owned(planning, row.alias, read)
    if read.column is not None:
        return _scalar(
            asked, f"(select {condition.alias}.{read.column} {condition.text} limit 1)", sure=False
        )
    there = f"coalesce((select true {condition.text} limit 1),false)"
    return _scalar(asked, f"(case when {planning.member} is not null then {there} end)", sure=False)


class Owned(NamedTuple):
    """`from … where …` for the row that a member has about a record, and the row's alias."""

    alias: str
    text: str


def owned(planning: Planning, alias: str, read: Own) -> Owned:
    """The row that the member who asks has about the record `alias`."""
    kept, name = planning.alias(), read.table.name
    where = f"{planning.scope(read.table, kept)} and {kept}.{read.link} = {alias}.id"
    return Owned(kept, f"from {name} {kept} where {where}")


@writes(OwnCount)
def own_count(planning: Planning, row: None, asked: Asked, read: OwnCount) -> Json:
    """How many rows of their own the member who asks has."""
    alias = planning.alias()
    found = f"select from {read.table.name} {alias} where {planning.scope(read.table, alias)}"
    counted = f"(select count(*) from ({found} limit {read.most:d}) counted)"
    return _scalar(asked, f"(case when {planning.member} is not null then {counted} end)", sure=False)


@writes(Latest)
def latest(planning: Planning, row: Row, asked: Asked, read: Latest) -> Json:
    """The latest record that points here."""
    noun = noun_of(planning, asked.kind)
    target = Row(noun, planning.alias(), link=read.link, above=row)
    body = text(selection(planning, target, asked.kind, asked.selections))
    condition = planning.expression(read.only, noun.table, target.alias, read.see)
    return [
        Sql(
            f"coalesce((select {body} from {source(target)} where {planning.scope(noun.table, target.alias)}"
            f" and {target.alias}.{read.link} = {row.alias}.id and {condition}"
            f" order by {target.alias}.created_at desc, {target.alias}.id desc limit 1),'null')"
        )
    ]


@writes(Many)
def many(planning: Planning, row: Row, asked: Asked, read: Many) -> Json:
    """A short list by way of a link table."""
    noun = noun_of(planning, asked.kind)
    target, link = Row(noun, planning.alias()), planning.alias()
    table, here, there = read.through
    body = text(selection(planning, target, asked.kind, asked.selections))
    return rows(
        f"array(select {body} from {table.name} {link} join {source(target)}"
        f" on {planning.scope(noun.table, target.alias)} and {target.alias}.id = {link}.{there}"
        f" where {planning.scope(table, link)} and {link}.{here} = {row.alias}.id"
        f" order by {target.alias}.{read.sort}, {target.alias}.id limit {read.limit:d})"
    )


class Item(NamedTuple):
    """An object in hand that a column keeps as JSON, by its alias."""

    alias: str


@writes(Kept)
def kept(planning: Planning, row: Row, asked: Asked, read: Kept) -> Json:
    """A short list of objects that a column keeps."""
    item = Item(planning.alias())
    body = text(selection(planning, item, asked.kind, asked.selections))
    return rows(
        f"array(select {body} from jsonb_array_elements({row.alias}.{python_name(asked)})"
        f" with ordinality as {item.alias}(value,place) order by {item.alias}.place limit {read.limit:d})"
    )


@writes(KeptText)
def kept_text(planning: Planning, item: Item, asked: Asked, read: KeptText) -> Json:
    """A text of an object that a column keeps."""
    found = f"{item.alias}.value->{quoted(python_name(asked))}"
    if read.said:
        return _scalar(
            asked, f"({found}->>{planning.kept('spoken', lambda _: spoken(), 'text')})", sure=False
        )
    return _scalar(asked, f"({found}#>>'{{}}')", sure=False)


@writes(ById)
def by_id(planning: Planning, row: None, asked: Asked, read: ById) -> Json:
    """The record asked for."""
    noun = noun_of(planning, asked.kind)
    given = planning.arguments(asked.nodes[0], asked.field).at("id")
    return single(planning, noun, asked, given.param("uuid", lambda id_: record_id(id_, noun.prefix)))


@writes(AnyById)
def any_by_id(planning: Planning, row: None, asked: Asked, read: AnyById) -> Json:
    """Records of whatever kinds their ids say."""
    arguments = planning.arguments(asked.nodes[0], asked.field)
    if read.several:
        return _several(planning, asked, arguments.at("ids"))
    given = arguments.at("id")
    name = given.ask(kind_of)
    if name is None:
        return NULL
    kind = planning.type_named(name)
    noun = noun_of(planning, kind)
    return single(planning, noun, asked, given.param("uuid", lambda id_: record_id(id_, noun.prefix)), kind)


def _several(planning: Planning, asked: Asked, given: Any) -> Json:
    cases = []
    for name in given.ask(lambda ids_: tuple(sorted({kind_of(id_) or "" for id_ in ids_} - {""}))):
        kind = planning.type_named(name)
        made = text(single(planning, noun_of(planning, kind), asked, "x.id", kind))
        cases.append(f"when {quoted(name)} then {made}")
    if not cases:
        cases.append("when '' then 'null'")
    names = given.param("text[]", lambda ids_: [kind_of(id_) or "" for id_ in ids_])
    uuids = given.param("uuid[]", lambda ids_: [_any_id(id_) for id_ in ids_])
    return rows(
        f"array(select coalesce(case x.name {' '.join(cases)} end,'null')"
        f" from unnest({names},{uuids}) with ordinality as x(name,id,place) order by x.place)"
    )


def kind_of(text_: str) -> str | None:
    """The noun a global id belongs to by its form, or None."""
    prefix = text_.partition("_")[0]
    noun = next((noun for noun in NOUNS.values() if noun.prefix == prefix), None)
    return noun.name if noun is not None and record_id(text_, prefix) else None


def _any_id(text_: str) -> UUID | None:
    name = kind_of(text_)
    return record_id(text_, NOUNS[name].prefix) if name else None


@writes(Myself)
def myself(planning: Planning, row: None, asked: Asked, read: Myself) -> Json:
    """Who asks."""
    return selection(planning, None, asked.kind, asked.selections)


@writes(Known)
def known(planning: Planning, row: None, asked: Asked, read: Known) -> Json:
    """What the actor holds, as a parameter: the plan is the same for everybody with these rights."""
    return [Sql(planning.param(lambda call: orjson.dumps(read.value(call.actor)).decode(), "text"))]


@writes(Mine)
def mine(planning: Planning, row: None, asked: Asked, read: Mine) -> Json:
    """The actor's own partner, customer or membership."""
    noun = noun_of(planning, asked.kind)
    return single(planning, noun, asked, planning.param(lambda call: read.id_of(call.actor), "uuid"))


@writes(MineColumn)
def mine_column(planning: Planning, row: None, asked: Asked, read: MineColumn) -> Json:
    """A column of the actor's own record."""
    alias = planning.alias()
    given = planning.param(lambda call: read.id_of(call.actor), "uuid")
    where = f"{planning.scope(read.table, alias)} and {alias}.id = {given}"
    found = f"(select {alias}.{read.column} from {read.table.name} {alias} where {where})"
    return _scalar(asked, found, sure=False)


@writes(Fixed)
def fixed(planning: Planning, row: None, asked: Asked, read: Fixed) -> Json:
    """What the code knows, as a parameter."""
    given = planning.arguments(asked.nodes[0], asked.field)
    pick = picker(planning, asked)

    def answer(call: Call) -> str:
        return orjson.dumps(pick(read.answer(**given.get(call)))).decode()

    return [Sql(planning.param(answer, "text"))]


def picker(planning: Planning, asked: Asked) -> Callable[[Any], Any]:
    """Takes out of an object, or each of a list, what is asked of it."""
    if is_leaf_type(get_named_type(asked.field.type)):
        return lambda found: found
    kind = asked.kind
    picks: list[tuple[str, Callable[[Any], Any]]] = []
    for inner in asked_of(planning, kind, asked.selections):
        key = inner.nodes[0].alias.value if inner.nodes[0].alias else inner.name
        if inner.name == "__typename":
            picks.append((key, _constant(kind.name)))
        else:
            picks.append((key, _attribute(python_name(inner), picker(planning, inner))))

    def pick(found: Any) -> Any:
        return {key: get(found) for key, get in picks}

    if is_list_type(get_nullable_type(asked.field.type)):
        return lambda found: [pick(item) for item in found]
    return pick


def _constant(value: str) -> Callable[[Any], Any]:
    return lambda _: value


def _attribute(name: str, pick: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda found: pick(getattr(found, name))
