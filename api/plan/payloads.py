"""What a mutation answers: the records it changed, read like any others, and what it says besides.

The surprise: a payload is one statement too, and it runs inside the mutation's own transaction. A refused
mutation's payload is the same statement, over an outcome that holds nothing but its errors.
"""

from typing import Any

import orjson
from graphql import get_nullable_type, is_list_type

from api.plan.emit import Json, Sql, rows, text
from api.plan.objects import picker, python_name, single, source
from api.plan.planning import Call, Planning
from api.plan.select import Asked, Row, noun_of, selection, writes
from api.reads import ChangedMany, ChangedOne, Said


@writes(ChangedOne)
def changed_one(planning: Planning, row: None, asked: Asked, read: ChangedOne) -> Json:
    """The record that was changed."""
    noun, name = noun_of(planning, asked.kind), python_name(asked)
    return single(planning, noun, asked, planning.param(lambda call: call.outcome.get(name), "uuid"))


@writes(ChangedMany)
def changed_many(planning: Planning, row: None, asked: Asked, read: ChangedMany) -> Json:
    """The records that were changed, in the order of the outcome."""
    noun, name = noun_of(planning, asked.kind), python_name(asked)
    target = Row(noun, planning.alias())
    body = text(selection(planning, target, asked.kind, asked.selections))
    given = planning.param(lambda call: list(call.outcome.get(name, ())), "uuid[]")
    return rows(
        f"array(select {body} from unnest({given}) with ordinality as x(id,place) join {source(target)}"
        f" on {planning.scope(noun.table, target.alias)} and {target.alias}.id = x.id"
        f" order by x.place limit {read.limit:d})"
    )


@writes(Said)
def said(planning: Planning, row: None, asked: Asked, read: Said) -> Json:
    """What the outcome says, as a parameter. What it does not say is null, or an empty list."""
    name, pick = python_name(asked), picker(planning, asked)
    nothing: Any = [] if is_list_type(get_nullable_type(asked.field.type)) else None

    def answer(call: Call) -> str:
        value = call.outcome.get(name, nothing)
        return orjson.dumps(None if value is None else pick(value)).decode()

    return [Sql(planning.param(answer, "text"))]
