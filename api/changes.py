"""The vocabulary of mutations: a class for what is sent, one for what comes back, a function for the rule.

```python
@takes(dry_run=True)
class CreateTagInput:
    name: str | None = opt("Required.")

@gives
class CreateTagPayload:
    tag: Tag | None = changed()

def _create(doing: Doing, given: Given) -> Outcome:
    return {"tag": tags.create(doing.db, doing.actor, fields=given.fields(TagInput), now=doing.now).id}

@strawberry.type
class TagMutations:
    create_tag: CreateTagPayload | None = change(_create, CreateTagInput, Action.EDIT_TAGS)
```

The surprise: an outcome holds ids, and the payload is read with them as any document is. And a field that
must be filled is optional in the schema: the rule says so at the field, with everything else that is wrong.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

import strawberry
from graphql import get_nullable_type, is_input_object_type, is_list_type
from sqlmodel import Session

from api.nouns import ReadField
from api.plan.objects import record_id
from api.problems import WARNING_CODES, Told, UserErrorCode, UserWarningCode, told
from api.reads import Change, ChangedMany, ChangedOne, Said
from auth.actors import Action, Actor
from auth.tokens import digest_of
from billing.inputs import Input
from billing.money import Currency, Money, parse_amount
from billing.ports import Gateway
from billing.settling import Reached, nowhere
from billing.texts import Checks
from db.session import Database
from errors import Problem

T = TypeVar("T")
Typed = TypeVar("Typed", bound=Input)

Outcome = Mapping[str, Any]
"""What a mutation came to, by the payload's fields: ids of records, and plain values."""

KEY = "1 to 255 characters. The same key and input get the same answer again, for 30 days."


class Given(dict[str, Any]):
    """An input, by the names of Python: texts, numbers, days, and lists of them.

    What was not sent is not there.
    """

    def fields(self, kind: type[Typed]) -> Typed:
        """Those of its fields that a rule's input has."""
        return kind.read({name: value for name, value in self.items() if name in kind.model_fields})

    def rows(self, name: str, kind: type[Typed]) -> list[Typed]:
        """A list of inputs of a rule; empty when it was left out."""
        return [kind.read(row, (name, place)) for place, row in enumerate(self.get(name) or ())]

    def without_null(self, name: str) -> "Given":
        """The same with null at a field taken for its not being there."""
        return Given({field: value for field, value in self.items() if field != name or value is not None})

    def record(self, name: str, prefix: str) -> UUID:
        """The record that a global id stands for."""
        return id_of(self[name], prefix)

    def records(self, name: str, prefix: str) -> list[UUID]:
        """The records that global ids stand for, each once."""
        return list(dict.fromkeys(id_of(text, prefix) for text in self[name]))


def id_of(text: str, prefix: str) -> UUID:
    """The id in a global id. A text that is none gets an id that no record has.

    So it fares as an absent one does, whatever else is wrong with the input (GUARANTEES A-1, O5).
    """
    return record_id(text, prefix) or UUID(bytes=digest_of(text)[:16])


def plain(value: Any, kind: Any) -> Any:
    """A value of an input type, as rules take it."""
    bare = get_nullable_type(kind)
    if value is None:
        return None
    if is_list_type(bare):
        return [plain(item, bare.of_type) for item in value]
    if is_input_object_type(bare):
        fields = {name: bare.fields[name] for name in value}
        return {python_name(field): plain(value[name], field.type) for name, field in fields.items()}
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value.value if isinstance(value, Enum) else value


def python_name(field: Any) -> str:
    """What a field of an input type is called in its declaration."""
    name: str = field.extensions["strawberry-definition"].python_name
    return name


@dataclass(frozen=True)
class Means:
    """What mutations work with, handed in by the process. `public_origin` is that of our own pages.

    `reached` is called at the named points of a payment; only tests of crashes hand one in (M-7).
    """

    database: Database
    gateway: Gateway
    clock: Callable[[], datetime]
    public_origin: str
    reached: Reached = nowhere


@dataclass(frozen=True)
class Doing:
    """One mutation at work: in whose name, when, in which transaction, under which idempotency key.

    `origin` is what a browser with a portal token says it is at.
    """

    db: Session
    actor: Actor
    now: datetime
    means: Means
    key: str | None
    origin: str | None


@dataclass(frozen=True)
class Later:
    """What must be done outside of any transaction, because it asks another system, to have an outcome."""

    do: Callable[[], Outcome]


Work = Callable[[Doing, Given], Outcome | Later]
Needs = Callable[[Mapping[str, Any]], Iterable[Action]]


def change(
    run: Work,
    takes: type,
    *needs: Action,
    about: str,
    also: Needs | None = None,
    alone: bool = False,
    without_secrets: Callable[[Outcome], Outcome] | None = None,
) -> Any:
    """A mutation. `also` tells further rights that what was sent takes."""

    def wanted(given: Mapping[str, Any]) -> Iterable[Action]:
        return [*needs, *(also(given) if also else ())]

    read = Change(run=run, takes=takes, needs=wanted, alone=alone, without_secrets=without_secrets)
    return ReadField(metadata={"read": read}, description=about)


def changed(about: str | None = None) -> Any:
    """In a payload: a record that was changed; null when nothing was."""
    return ReadField(metadata={"read": ChangedOne()}, description=about)


def changed_list(limit: int, about: str | None = None) -> Any:
    """In a payload: records that were changed; empty when nothing was."""
    return ReadField(metadata={"read": ChangedMany(limit=limit)}, description=about)


def said(about: str | None = None, *, limit: int | None = None) -> Any:
    """In a payload: a plain value, or objects picked by attribute."""
    return ReadField(metadata={"read": Said(limit=limit)}, description=about)


def opt(about: str | None = None) -> Any:
    """In an input: a field that may be left out."""
    return strawberry.field(default=strawberry.UNSET, description=about)


def takes(*, dry_run: bool = False, needs_key: bool = False) -> Callable[[type[T]], type[T]]:
    """Make a class a mutation's input, with an idempotency key, and perhaps a dry run."""

    def declare(kind: type[T]) -> type[T]:
        if dry_run:
            _add(
                kind, "dry_run", bool | None, opt("Check everything, answer as if it were done, and undo it.")
            )
        if needs_key:
            _add(kind, "idempotency_key", str, strawberry.field(description=KEY))
        else:
            _add(kind, "idempotency_key", str | None, opt(KEY))
        return strawberry.input(kind, description=kind.__doc__)

    return declare


def gives(kind: type[T]) -> type[T]:
    """Make a class a mutation's payload, with errors."""
    # Errors are no records: however many there are, they are counted as one.
    _add(
        kind,
        "errors",
        list[UserError],
        said("What is wrong, all at once. If any, nothing was changed.", limit=1),
    )
    return strawberry.type(kind, description=kind.__doc__)


def _add(kind: type, name: str, annotation: Any, field: Any) -> None:
    if "__annotations__" not in vars(kind):
        kind.__annotations__ = {}  # else it would be the parent's
    kind.__annotations__[name] = annotation
    setattr(kind, name, field)


@strawberry.type(description="One thing that is wrong with what was sent.")
class UserError:
    """One thing that is wrong."""

    code: UserErrorCode = said()
    message: str = said("How to mend it, for the person who can.")
    path: list[str] = said('Where it is: `["input", "users", "0", "email"]`.')


@strawberry.type(name="UserWarning", description="What is odd about something saved all the same.")
class Oddity:
    """One thing that is odd."""

    code: UserWarningCode = said()
    message: str = said()
    path: list[str] = said()
    record_id: strawberry.ID | None = said("The record it speaks of: the customer that looks the same.")


def warnings_of(problems: Iterable[Problem]) -> list[Told]:
    """A rule's warnings, as clients see them."""
    return [
        told(one.code, one.message, one.path, WARNING_CODES)._replace(record_id=one.about) for one in problems
    ]


@strawberry.input(description="An exact amount of one currency.")
class MoneyInput:
    """An exact amount."""

    amount: Decimal = strawberry.field(description='At most two decimals: "1234.50".')
    currency: Currency


def amount_of(checks: Checks, field: str, given: Mapping[str, str]) -> Money:
    """What a `MoneyInput` says; what is wrong with it is noted in `checks`."""
    currency = Currency(given["currency"])
    return checks.read(field, parse_amount, given["amount"], currency, otherwise=Money(0, currency))
