"""The vocabulary of noun files: a class per noun, a line per field, once, as schema and as SQL.

```python
@noun(t.Customer, "cus", needs=Action.VIEW_CUSTOMERS, order="company", search="customer")
class Customer(Node):
    company: str = col(where=True, order=True, key="company_key", fold=key_of)
    invoices: Connection[Annotated["Invoice", lazy("api.invoices")]] = page("customer_id")
```

The surprise: the functions give back Strawberry fields without resolvers. Strawberry makes the schema of
them, and nobody ever executes them; the planner finds what a field reads in `read_of`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, TypeVar

import strawberry
from graphql import GraphQLField
from sqlalchemy import Table
from sqlmodel import SQLModel
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from api import inputs
from api.reads import (
    Amount,
    AnyById,
    ById,
    Change,
    Column,
    Compared,
    Computed,
    Fixed,
    Identity,
    Known,
    Latest,
    Many,
    Mine,
    MineColumn,
    Myself,
    One,
    Page,
    Part,
    Read,
    Reference,
    See,
    Sums,
)
from auth.actors import Action, Actor
from billing.derived import Expression
from billing.money import Currency

T = TypeVar("T")
lazy = strawberry.lazy


@dataclass(frozen=True, eq=False)
class Order:
    """One way of sorting: by a NOT NULL column in one direction, with the id to break ties."""

    name: str
    column: str
    descending: bool


@dataclass(eq=False)
class Noun:
    """A record type: its table, its ids, the right it takes to read it, and how lists of it are sorted.

    `search` is the kind its words have in the search table.
    """

    name: str
    table: Table
    prefix: str
    needs: Action | None
    search: str | None
    kind: type
    default: str
    inputs: Any = None
    orders: dict[str, Order] = field(default_factory=dict)

    @property
    def fields(self) -> Iterator[tuple[str, StrawberryField, Read]]:
        """Its fields by their names in Python, with what they read."""
        for declared in self.kind.__strawberry_definition__.fields:  # type: ignore[attr-defined]
            yield declared.python_name, declared, declared.metadata["read"]


NOUNS: dict[str, Noun] = {}
"""Every noun by the name of its type."""


class ReadField(StrawberryField):
    """A field that knows what it reads; a connection's arguments follow from the noun it lists."""

    @property
    def arguments(self) -> list[StrawberryArgument]:
        """Made when asked, because the noun a connection lists may be declared later."""
        if self._arguments is None:
            self._arguments = _arguments_of(self)
        return self._arguments

    @arguments.setter
    def arguments(self, value: list[StrawberryArgument]) -> None:
        self._arguments = value


def _arguments_of(declared: ReadField) -> list[StrawberryArgument]:
    read = declared.metadata["read"]
    if isinstance(read, Page):
        return inputs.page_arguments(listed(declared))
    if isinstance(read, Sums):
        return inputs.narrowing_arguments(noun_in(read.table))
    if isinstance(read, Change):
        return [inputs.argument("input", read.takes)]
    if isinstance(read, AnyById) and read.several:
        return [inputs.argument("ids", list[strawberry.ID])]
    if isinstance(read, ById | AnyById):
        return [inputs.argument("id", strawberry.ID)]
    if isinstance(read, Fixed):
        kinds = read.answer.__annotations__.items()
        return [inputs.argument(name, kind) for name, kind in kinds if name != "return"]
    return []


def _field(read: Read, about: str | None = None, **given: Any) -> Any:
    return ReadField(metadata={"read": read}, description=about, **given)


def col(
    about: str | None = None,
    *,
    name: str | None = None,
    places: int | None = None,
    where: bool = False,
    order: bool = False,
    key: str | None = None,
    fold: Callable[[str], str] | None = None,
    see: See = None,
) -> Any:
    """A stored column, by default of the field's own name."""
    read = Column(name=name, places=places, where=where, order=order, key=key, fold=fold, see=see)
    return _field(read, about)


def sql(
    make: Expression,
    about: str | None = None,
    *,
    where: bool = False,
    holds: Expression | None = None,
    order: bool = False,
    key: str | None = None,
    see: See = None,
) -> Any:
    """An expression over the row, from `billing.derived`."""
    return _field(Computed(make=make, where=where, holds=holds, order=order, key=key, see=see), about)


def money(
    minor: str | Expression,
    about: str | None = None,
    *,
    currency: str = "currency",
    through: tuple[str, str] | None = None,
    where: bool = False,
    order: bool = False,
    see: See = None,
) -> Any:
    """An amount: its minor units (column or expression) and the column of its currency."""
    read = Amount(minor=minor, currency=currency, through=through, where=where, order=order, see=see)
    return _field(read, about)


def part(about: str | None = None) -> Any:
    """An object made of columns of the same row."""
    return _field(Part(), about)


def reference(
    name: str, about: str | None = None, *, kind: str, kinds: dict[str, str], where: bool = False,
    see: See = None,
) -> Any:  # fmt: skip
    """A global id whose kind stands in another column."""
    return _field(Reference(name=name, kind=kind, kinds=tuple(kinds.items()), where=where, see=see), about)


def one(link: str, about: str | None = None, *, where: bool = False, see: See = None) -> Any:
    """The record the column `link` points at; null where it can't be seen."""
    return _field(One(link=link, where=where, see=see), about)


def latest(link: str, about: str | None = None, *, only: Expression, see: See = None) -> Any:
    """The latest record that points here and fits `only`, if any."""
    return _field(Latest(link=link, only=only, see=see), about)


def many(
    through: tuple[type[SQLModel], str, str],
    about: str | None = None,
    *,
    sort: str,
    limit: int,
    where: bool = False,
    see: See = None,
) -> Any:
    """A plain list of at most `limit`, by way of a link table."""
    table, mine, other = through
    read = Many(through=(table_of(table), mine, other), sort=sort, limit=limit, where=where, see=see)
    return _field(read, about)


def page(
    link: str | None = None, about: str | None = None, *, only: Expression | None = None, where: bool = False,
    see: See = None,
) -> Any:  # fmt: skip
    """A connection of the records whose column `link` points here. At the root: of all records."""
    return _field(Page(link=link, only=only, where=where, see=see), about)


def by_id(about: str | None = None, *, see: See = None) -> Any:
    """A root field: one record by its id, null if there is none that may be seen."""
    return _field(ById(see=see), about)


def any_by_id(about: str | None = None, *, several: bool = False) -> Any:
    """The root fields `node` and `nodes`."""
    return _field(AnyById(several=several), about)


def myself(about: str | None = None) -> Any:
    """The root field `viewer`."""
    return _field(Myself(), about)


def known(value: Callable[[Actor], Any], about: str | None = None) -> Any:
    """What the actor holds itself."""
    return _field(Known(value=value), about)


def mine(id_of: Callable[[Actor], Any], about: str | None = None) -> Any:
    """The record whose id the actor holds."""
    return _field(Mine(id_of=id_of), about)


def mine_column(
    model: type[SQLModel], column: str, id_of: Callable[[Actor], Any], about: str | None = None
) -> Any:
    """A column of the record whose id the actor holds."""
    return _field(MineColumn(table=table_of(model), column=column, id_of=id_of), about)


def fixed(answer: Callable[..., Any], about: str | None = None) -> Any:
    """A root field answered without a table; its arguments are those of `answer`."""
    return _field(Fixed(answer=answer), about)


def sums(
    model: type[SQLModel],
    about: str | None = None,
    *,
    row: Noun,
    needs: Action,
    only: Expression | None = None,
    by: Mapping[str, str | Expression],
    totals: Mapping[str, str | Expression],
    counted: str,
    limit: int,
) -> Any:
    """A root field: sums over the rows of `model` that may be seen, in groups, each read as a `row`."""
    read = Sums(
        row=row, table=table_of(model), needs=needs, only=only, by=tuple(by.items()),
        totals=tuple(totals.items()), counted=counted, limit=limit,
    )  # fmt: skip
    return _field(read, about)


def noun(
    model: type[SQLModel], prefix: str, *, needs: Action | None, order: str, search: str | None = None
) -> Callable[[type[T]], type[T]]:  # fmt: skip
    """Make a class a type of the API that reads `model`.

    `prefix` begins its ids, `needs` is the right to read it, `order` the column its lists are sorted by if
    not asked otherwise (`-` for falling), `search` its kind in the search table.
    """

    def declare(kind: type[T]) -> type[T]:
        made = strawberry.type(kind, description=kind.__doc__)
        declared = Noun(made.__name__, table_of(model), prefix, needs, search, made, order.lstrip("-"))
        _sort(declared, falling=order.startswith("-"))
        declared.inputs = inputs.Inputs(declared, NOUNS)
        NOUNS[made.__name__] = declared
        return made

    return declare


def _sort(declared: Noun, *, falling: bool) -> None:
    default = None
    for name, _, read in declared.fields:
        if isinstance(read, Compared) and read.order:
            column = read.key or shown_column(name, read)
            for suffix in ("ASC", "DESC"):
                made = Order(f"{name.upper()}_{suffix}", column, suffix == "DESC")
                declared.orders[made.name] = made
                if name == declared.default and made.descending == falling:
                    default = made.name
    if default is None:  # sorted by a column nobody chooses: a line's position
        made = Order("", declared.default, falling)
        declared.orders[""] = made
        default = ""
    declared.default = default


def shown_column(name: str, read: Compared) -> str:
    """The column a stored field shows."""
    if isinstance(read, Amount) and isinstance(read.minor, str):
        return read.minor
    return (read.name if isinstance(read, Column) else None) or name


def table_of(model: type[SQLModel]) -> Table:
    """The table behind a model."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def noun_in(table: Table) -> Noun:
    """The noun whose records a table holds."""
    return next(noun for noun in NOUNS.values() if noun.table is table)


def read_of(declared: GraphQLField) -> Read:
    """What a field of the finished schema reads."""
    read: Read = declared.extensions["strawberry-definition"].metadata["read"]
    return read


def listed(declared: StrawberryField) -> Noun:
    """The noun a connection lists."""
    return NOUNS[inputs.kind_listed(declared).__name__]


@strawberry.interface(description="Anything with a global id.")
class Node:
    """Anything with a global id."""

    id: strawberry.ID = _field(Identity(), "Opaque, and typed: it never means a record of another kind.")


strawberry.enum(Currency, description="Both have two decimals.")


@strawberry.type(description="An exact amount of one currency. Amounts of two currencies are never added.")
class Money:
    """An exact amount."""

    amount: Decimal = _field(Part(), 'With two decimals: "1234.50".')
    currency: Currency = _field(Part())


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Where a page stands."""

    has_next_page: bool = _field(Part(), "More records follow. With `last`: `before` was given.")
    has_previous_page: bool = _field(Part(), "`after` was given. With `last`: more records come before.")
    start_cursor: str | None = _field(Part())
    end_cursor: str | None = _field(Part())


@strawberry.type(description="A record and its place in the list.")
class Edge(Generic[T]):
    """A record and its place."""

    node: T = _field(Part())
    cursor: str = _field(Part(), "Opaque; good for this order only.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    """One page of a list."""

    nodes: list[T] = _field(Part())
    edges: list[Edge[T]] = _field(Part())
    page_info: PageInfo = _field(Part())
    total_count: int = _field(
        Part(), "All that match, on every page; stops at 10,000. Counted only if asked for."
    )
