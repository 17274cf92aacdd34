"""What a field of the API reads: the words in which types are declared, once, as schema and as SQL.

Each class here is one way of getting a value. A declaration is made with the functions of `api/nouns.py`; the
planner (`api/plan/`) turns it into SQL. Nothing else ever reads a table for a document.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Table

from auth.actors import Action, Actor
from billing.derived import Expression

if TYPE_CHECKING:
    from api.nouns import Noun

STAFF: Literal["staff"] = "staff"
See = Literal["staff"] | Action | None
"""Who may see a field beyond those who may see its type: the partner's side, or who holds a right."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """What all ways of reading have in common."""

    see: See = None


@dataclass(frozen=True, kw_only=True)
class Compared(Read):
    """A value that lists may be filtered or ordered by.

    `key` is the column that is compared when it is another than the one shown, and `fold` what is done to an
    asked text first: names are compared in the form they are sorted in, whatever the case.
    """

    where: bool = False
    order: bool = False
    key: str | None = None
    fold: Callable[[str], str] | None = None


@dataclass(frozen=True, kw_only=True)
class Column(Compared):
    """A stored column. `places` makes an integer column a decimal with that many places."""

    name: str | None = None
    places: int | None = None


@dataclass(frozen=True, kw_only=True)
class Computed(Compared):
    """An expression. Filtering compares `key`, or the expression itself where it is true or false.

    `holds` is the same as a condition for filters, where what is quick for a list is not quick for a row.
    """

    make: Expression
    holds: Expression | None = None


@dataclass(frozen=True, kw_only=True)
class Amount(Compared):
    """Money: minor units, a column or an expression, and the column of its currency.

    `through` is the link to the row that holds the currency, where this one does not.
    """

    minor: str | Expression
    currency: str = "currency"
    through: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Part(Read):
    """An object made of columns of the same row: an address."""


@dataclass(frozen=True, kw_only=True)
class Identity(Read):
    """The record's own global id."""


@dataclass(frozen=True, kw_only=True)
class Reference(Read):
    """The global id of a record whose kind another column names; `kinds` gives each kind's noun.

    Filtering takes an id of any of these nouns.
    """

    name: str
    kind: str
    kinds: tuple[tuple[str, str], ...]
    where: bool = False


@dataclass(frozen=True, kw_only=True)
class One(Read):
    """The record another column points at."""

    link: str
    where: bool = False


@dataclass(frozen=True, kw_only=True)
class Latest(Read):
    """The latest (by `created_at`) record that points here by its column `link` and fits `only`, if any."""

    link: str
    only: Expression


@dataclass(frozen=True, kw_only=True)
class Many(Read):
    """A plain list of at most `limit` records, by way of a link table (`(table, this side, other side)`)."""

    through: tuple[Table, str, str]
    sort: str
    limit: int
    where: bool = False


@dataclass(frozen=True, kw_only=True)
class Own(Compared):
    """What the member who asks has about this record: is there a row of `table` whose column `link` points
    here, or that row's `column`. Whether there is one is null for whoever is no member.
    """

    table: Table
    link: str
    column: str | None = None


@dataclass(frozen=True, kw_only=True)
class OwnCount(Read):
    """How many rows of `table` the member who asks has, at most `most`. Null for whoever is no member."""

    table: Table
    most: int


@dataclass(frozen=True, kw_only=True)
class Kept(Read):
    """A list of at most `limit` objects that a column keeps as JSON, in its order."""

    limit: int


@dataclass(frozen=True, kw_only=True)
class KeptText(Read):
    """In an object that is kept as JSON: the text under the field's name. `said`: it stands there in every
    language, and is read in the reader's.
    """

    said: bool = False


@dataclass(frozen=True, kw_only=True)
class Page(Read):
    """A connection: the records whose column `link` points here (all, without one) and that fit `only`.

    Filtering asks for those of which at least one of these records fits.
    """

    link: str | None = None
    only: Expression | None = None
    where: bool = False


@dataclass(frozen=True, kw_only=True)
class Sums(Read):
    """A root field: sums over the rows of `table` that fit `only`, in at most `limit` groups.

    A group is read as a row of `row`: it has what it is grouped `by` and the `totals` (columns or
    expressions) and, as `counted`, how many rows it holds. It takes the right `needs`, and `where` and
    `search` as the lists of those rows do.
    """

    row: "Noun"
    table: Table
    needs: Action
    only: Expression | None
    by: tuple[tuple[str, str | Expression], ...]
    totals: tuple[tuple[str, str | Expression], ...]
    counted: str
    limit: int


@dataclass(frozen=True, kw_only=True)
class ById(Read):
    """A root field: the record of the `id` asked for."""


@dataclass(frozen=True, kw_only=True)
class AnyById(Read):
    """The root fields `node` and `nodes`: records of any noun."""

    several: bool = False


@dataclass(frozen=True, kw_only=True)
class Myself(Read):
    """An object about who asks: `viewer`."""


@dataclass(frozen=True, kw_only=True)
class Known(Read):
    """A value the actor itself holds."""

    value: Callable[[Actor], Any]


@dataclass(frozen=True, kw_only=True)
class Mine(Read):
    """The record whose id the actor holds, or null when it holds none."""

    id_of: Callable[[Actor], Any]


@dataclass(frozen=True, kw_only=True)
class MineColumn(Mine):
    """A column of the record whose id the actor holds."""

    table: Table
    column: str


@dataclass(frozen=True, kw_only=True)
class Fixed(Read):
    """A root field answered from what the code knows, without a table: plain objects, picked by attribute."""

    answer: Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Change(Read):
    """A root field that changes something: `run` does it, with an input of the type `takes`.

    `needs` tells the rights it takes from the input, and they are looked at before anything else. `alone`:
    it must be the only one in its document. `without_secrets` makes of an outcome the one that may be kept.
    """

    run: Callable[[Any, Any], Any]
    takes: type
    needs: Callable[[Mapping[str, Any]], Iterable[Action]]
    alone: bool = False
    without_secrets: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None


@dataclass(frozen=True, kw_only=True)
class ChangedOne(Read):
    """In a payload: the record whose id the outcome holds under the field's name; null when it holds none."""


@dataclass(frozen=True, kw_only=True)
class ChangedMany(Read):
    """In a payload: the records, at most `limit`, whose ids the outcome holds under the field's name."""

    limit: int


@dataclass(frozen=True, kw_only=True)
class Said(Read):
    """In a payload: a plain value of the outcome; objects are picked by attribute. `limit`: of a list."""

    limit: int | None = None
