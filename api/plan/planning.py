"""One plan in the making, and the plans a document already has.

A plan depends on who asks (the rights, not the person) and on the shape of what is asked: which arguments are
given, which `orderBy`, which `@include`. The surprise: nobody lists what a shape is. While planning, every
decision that depends on the request is taken through `decide`, which writes the question down; the next
request answers the same questions, one after the other, and arrives at the same plan or at a gap where one
must be made. Everything else that is sent becomes a parameter: no name and no literal from a document is ever
SQL text.
"""

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from graphql import FieldNode, FragmentDefinitionNode, GraphQLField, GraphQLObjectType, GraphQLSchema
from psycopg.types.numeric import Int8
from sqlalchemy import Table

from api.plan.emit import Json, Sql
from api.plan.expressions import placed, template
from api.plan.scope import assert_scoped, scope
from api.reads import STAFF, See
from auth.actors import Action, Actor
from billing.derived import Expression
from errors import Forbidden

MISSING: Any = object()
LARGEST_SIZE = 100


class StaffOnly(Forbidden):
    """A customer's user asked for what only the partner's side has."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} is for the partner's side only. Leave it out.")


class Rights(NamedTuple):
    """All of an actor that a plan may depend on."""

    staff: bool
    actions: frozenset[Action]

    @classmethod
    def of(cls, actor: Actor) -> "Rights":
        """The rights of this actor's role, key or token."""
        return cls(actor.is_staff_side, frozenset(action for action in Action if actor.may(action)))


@dataclass(slots=True)
class Call:
    """One request, from which a plan's parameters are read. `outcome` is what a mutation came to; `largest`
    how many records a page may hold.
    """

    actor: Actor
    rights: Rights
    now: datetime
    today: date
    variables: Mapping[str, Any]
    outcome: Mapping[str, Any] = field(default_factory=dict)
    arguments: dict[int, dict[str, Any]] = field(default_factory=dict)
    largest: int = LARGEST_SIZE


Ask = Callable[[Call], Any]


@dataclass(slots=True)
class Branch:
    """A question and where each of its answers leads; at the end, the plan."""

    ask: Ask | None = None
    answers: dict[Hashable, "Branch"] = field(default_factory=dict)
    plan: "Plan | None" = None


class Plan(NamedTuple):
    """A statement and how to read its parameters, in order, from a request."""

    sql: str
    reads: tuple[Ask, ...]

    def values(self, call: Call) -> list[Any]:
        """The parameters of one request."""
        return [read(call) for read in self.reads]


class Value:
    """What an argument, or a part of one, will be: known only when a request is at hand."""

    def __init__(self, planning: "Planning", get: Ask, *, fixed: bool) -> None:
        self._planning = planning
        self.get = get
        self.fixed = fixed

    def ask(self, question: Callable[[Any], Hashable]) -> Any:
        """The answer to a question about it; the plan holds for requests with the same answer."""
        get = self.get
        return self._planning.decide(lambda call: question(get(call)), fixed=self.fixed)

    def at(self, key: str | int) -> "Value":
        """A part of it, known to be there."""
        get = self.get
        return Value(self._planning, lambda call: get(call)[key], fixed=self.fixed)

    def param(self, kind: str, convert: Callable[[Any], Any] = lambda value: value) -> str:
        """It as a parameter of the SQL type `kind`."""
        get = self.get
        return self._planning.param(lambda call: convert(get(call)), kind)


_MARK = re.compile("\x01([0-9]+)\x01")


class Planning:
    """The plan being made: aliases, parameters, decisions. `reading` says how arguments are read."""

    def __init__(
        self,
        call: Call,
        branch: Branch,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        reading: Callable[[FieldNode, GraphQLField], tuple[Ask, bool]],
    ) -> None:
        self.call = call
        self.rights = call.rights
        self.branch = branch
        self.fragments = fragments
        self.conditions = 0
        self._schema = schema
        self._reading = reading
        self._aliases = 0
        self._params: list[tuple[Ask, str]] = []
        self._kept: dict[str, str] = {}

    def decide(self, ask: Ask, *, fixed: bool = False) -> Any:
        """The answer to a question about the request; written down unless it is `fixed` by the document."""
        if fixed:
            return ask(self.call)
        if self.branch.ask is None:
            self.branch.ask = ask
        answer = self.branch.ask(self.call)
        self.branch = self.branch.answers.setdefault(answer, Branch())
        return answer

    def type_named(self, name: str) -> GraphQLObjectType:
        """A type of the schema."""
        found = self._schema.get_type(name)
        if not isinstance(found, GraphQLObjectType):
            raise TypeError(f"{name} is no object type")
        return found

    def arguments(self, node: FieldNode, definition: GraphQLField) -> Value:
        """The arguments of one field."""
        ask, fixed = self._reading(node, definition)
        return Value(self, ask, fixed=fixed)

    def alias(self) -> str:
        """A name for a table that no other table has."""
        self._aliases += 1
        return f"t{self._aliases}"

    def param(self, read: Ask, kind: str) -> str:
        """A parameter, as a mark that gets its number at the end, if it is still in the statement then."""
        self._params.append((read, kind))
        return f"\x01{len(self._params) - 1}\x01"

    def kept(self, name: str, read: Ask, kind: str) -> str:
        """A parameter that is used all over: made once."""
        if name not in self._kept:
            self._kept[name] = self.param(read, kind)
        return self._kept[name]

    def key(self, node: FieldNode, name: str) -> Json:
        """A field's name in the answer: `name`, which is the schema's; an alias travels as a parameter."""
        if node.alias is None:
            return (f'"{name}":',)
        written = f'"{node.alias.value}":'
        return (Sql(self.kept(written, lambda _: written, "text")),)

    def scope(self, table: Table, alias: str) -> str:
        """The predicate that keeps a table to the actor's own rows."""
        partner = self.kept("partner", lambda call: call.actor.partner_id, "uuid")
        customer = None
        if not self.rights.staff:
            customer = self.kept("customer", lambda call: call.actor.customer_id, "uuid")
        return scope(table, alias, partner=partner, customer=customer, member=self.member)

    @property
    def member(self) -> str:
        """Who of either side asks, as a parameter: null for whoever is no member."""
        return self.kept("member", lambda call: call.actor.member_id, "uuid")

    def expression(self, make: Expression, table: Table, alias: str, see: See) -> str:
        """An expression of `billing.derived` over `alias`; in brackets, as it may be multiplied."""
        written = template(make, table, see)
        now = self.kept("now", lambda call: call.now, "timestamptz") if "tt_moment_now" in written else ""
        today = self.kept("today", lambda call: call.today, "date") if "tt_moment_today" in written else ""
        return f"({placed(written, alias, (now, today))})"

    def see(self, see: See, field: str) -> None:
        """Refuse what this actor may not see. For fields, filters, orders and search alike."""
        if see is None:
            return
        if see == STAFF:
            if not self.rights.staff:
                raise StaffOnly(field)
        elif see not in self.rights.actions:
            self.call.actor.require(see)

    def finish(self, json: str) -> Plan:
        """The plan: parameters numbered by their first use, those nobody uses left out."""
        numbers: dict[str, int] = {}

        def numbered(mark: re.Match[str]) -> str:
            number = numbers.setdefault(mark[1], len(numbers) + 1)
            return f"${number}::{self._params[int(mark[1])][1]}"

        statement = _MARK.sub(numbered, f"select {json}")
        assert_scoped(statement)
        return Plan(statement, tuple(self._params[int(mark)][0] for mark in numbers))


def int8(value: int) -> Int8:
    """A whole number for a parameter: always sent as bigint, or its size would make another statement."""
    return Int8(value)
