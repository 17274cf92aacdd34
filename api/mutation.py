"""The one wrapper of mutations: each is a transaction of its own, on a worker thread, one after the other.

In that transaction: who knocks, may they, the claim of the idempotency key, the rule, the payload (read by
the planner on the same connection), the answer kept under the key. The surprise: a refused mutation leaves
nothing, not even its key; what it answers is read in a transaction of its own, after everything was undone.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import orjson
import psycopg
from graphql import GraphQLID, get_nullable_type
from psycopg import errors as driver
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from api.changes import Doing, Given, Later, Means, Outcome, plain, python_name
from api.context import Bearer, Credential, visit_of
from api.errors import Formatted, Unavailable, formatted
from api.plan.document import Document
from api.plan.planning import Call, Plan
from api.plan.select import Asked
from api.problems import REFUSED, errors_of
from api.read import Busy
from api.reads import Change
from auth import replays
from auth.actors import Actor
from db.deadlines import Deadline
from errors import Refusal, Unauthenticated

T = TypeVar("T")
MOST_TRIES = 3
# Nothing is wrong but the moment: the same work done again may succeed.
_PASSING = (driver.SerializationFailure, driver.DeadlockDetected, driver.LockNotAvailable)
_LOST = (psycopg.OperationalError, psycopg.InterfaceError)
_UNSURE = (
    "The connection to the database was lost. Look whether it happened before you send it again, or send it "
    "with an idempotency key."
)


@dataclass(slots=True)
class Task:
    """One mutation that was asked for. `entered` is there once its transaction knows who asks."""

    document: Document
    change: Asked
    variables: Mapping[str, Any]
    credential: Credential
    now: datetime
    entered: "Entered | None" = None


@dataclass(frozen=True, slots=True)
class Entered:
    """Who asks for what, checked: from here on a refusal is about what was sent."""

    change: Change
    name: str
    kind: Any
    given: Given
    call: Call
    plan: Plan
    key: str | None
    digest: bytes

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return self.call.actor

    @property
    def is_dry(self) -> bool:
        """Is everything to be undone?"""
        return bool(self.given.get("dry_run"))


class Mutations:
    """Carries out documents that change something."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def __call__(
        self, document: Document, variables: Mapping[str, Any], *, credential: Credential, now: datetime
    ) -> bytes:
        """The JSON of the answer without its closing brace.

        A document with one mutation is refused as a whole, with its HTTP status; with several, what was done
        before stays done, and the refused one is null beside an error. Raises Rejected for variables that do
        not fit.
        """
        values = document.variables.coerced(variables)
        tasks = {
            key: Task(document, change, values, credential, now)
            for key, change in document.changes(values).items()
        }
        return await run_in_threadpool(self._all, tasks)

    def _all(self, tasks: Mapping[str, Task]) -> bytes:
        answers: list[str] = []
        errors: list[Formatted] = []
        several = sum(task.change.name != "__typename" for task in tasks.values()) > 1
        for key, task in tasks.items():
            try:
                text = '"Mutation"' if task.change.name == "__typename" else self._one(task)
            except Exception as problem:
                if not several or (isinstance(problem, Unauthenticated) and not answers):
                    raise
                errors += [{**error, "path": [key]} for error in formatted(problem)[1]]
                text = "null"
            answers.append(f'"{key}":{text}')
        said = f'{{"data":{{{",".join(answers)}}}'.encode()
        return said + (b',"errors":' + orjson.dumps(errors) if errors else b"")

    def _one(self, task: Task) -> str:
        done = _tried(task, lambda: self._begun(task))
        return done if isinstance(done, str) else self._finished(task, *done)

    def _begun(self, task: Task) -> "str | tuple[Entered, Later]":
        """All of a mutation, or as much of it as must be committed before another system is asked."""
        task.entered = None
        try:
            with self._means.database.transaction() as db:
                entered = task.entered = _enter(db, task)
                kept = _claimed(db, entered)
                if kept is not None:
                    return kept
                origin = task.credential.origin if isinstance(task.credential, Bearer) else None
                doing = Doing(db, entered.actor, task.now, self._means, entered.key, origin)
                done = entered.change.run(doing, entered.given)
                if isinstance(done, Later):
                    return entered, done
                text = _answered(db, entered, done)
                if entered.is_dry:
                    db.rollback()
                return text
        except REFUSED as refusal:
            if task.entered is None:
                raise
            return self._refused(task.entered, refusal)

    def _finished(self, task: Task, entered: Entered, later: Later) -> str:
        """Ask the other system, with no transaction open, and answer. A refusal gives the key back."""
        try:
            outcome = _tried(task, later.do, tries=1)
        except Refusal as refusal:
            if entered.key is not None:
                with self._transaction(entered) as db:
                    replays.release(db, entered.actor, operation=entered.name, key=entered.key)
            if isinstance(refusal, REFUSED):
                return self._refused(entered, refusal)
            raise

        def answered() -> str:
            with self._transaction(entered) as db:
                return _answered(db, entered, outcome)

        return _tried(task, answered)

    def _refused(self, entered: Entered, refusal: Refusal) -> str:
        errors = errors_of(refusal, record=_only_id(entered.kind))
        with self._transaction(entered) as db:
            return _payload(db, entered, {"errors": errors})

    def _transaction(self, entered: Entered) -> Any:
        actor = entered.actor
        return self._means.database.transaction(
            partner_id=actor.partner_id, customer_id=actor.customer_id, member_id=actor.member_id
        )


def _enter(db: Session, task: Task) -> Entered:
    """Who knocks, what they want, and may they. Refuses as the credential does, Forbidden (ViewOnly whoever
    only looks), Invalid.
    """
    visit = visit_of(task.credential, _row(db, *task.credential.statement(task.now, writing=True)))
    change: Change = task.change.read  # type: ignore[assignment]
    visit.actor.require_writer()
    call = Call(visit.actor, visit.rights, task.now, visit.today(task.now), task.variables)
    kind = task.change.field.args["input"].type
    given = Given(plain(task.document.arguments(task.change, call)["input"], kind))
    for right in change.needs(given):
        visit.actor.require(right)
    plan = task.document.plan_payload(task.change, call)
    plan.values(call)  # a bad argument in there is told before anything is done
    key = None if given.get("dry_run") else given.pop("idempotency_key", None)
    asked = [given, task.document.question(task.change, task.variables)] if key is not None else []
    digest = hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).digest()
    return Entered(change, task.change.name, kind, given, call, plan, key, digest)


def _claimed(db: Session, entered: Entered) -> str | None:
    """The answer that was given to this key before; None: it is ours to answer."""
    if entered.key is None:
        return None
    kept = replays.claim(
        db, entered.actor, operation=entered.name, key=entered.key, input_hash=entered.digest,
        now=entered.call.now,
    )  # fmt: skip
    return None if kept is None else kept.answer


def _answered(db: Session, entered: Entered, outcome: Outcome) -> str:
    """The payload, kept under the key if there is one."""
    db.flush()
    text = _payload(db, entered, outcome)
    if entered.key is None:
        return text
    hide = entered.change.without_secrets
    keep = _payload(db, entered, hide(outcome)) if hide else text
    kept = replays.store(db, entered.actor, operation=entered.name, key=entered.key, answer=keep)
    return text if kept == keep else kept


def _payload(db: Session, entered: Entered, outcome: Outcome) -> str:
    entered.call.outcome = outcome
    text: str = _row(db, entered.plan.sql, entered.plan.values(entered.call))[0]
    return text


def _row(db: Session, statement: str, values: Sequence[Any]) -> Any:
    """The one row of a statement of the planner's, in the session's transaction."""
    connection: Any = db.connection().connection.driver_connection
    with psycopg.RawCursor(connection) as cursor:
        return cursor.execute(statement.encode(), values).fetchone()


def _only_id(kind: Any) -> str | None:
    """The one field of an input that names a record, if there is just one."""
    fields = get_nullable_type(kind).fields.values()
    named = [python_name(field) for field in fields if GraphQLID.name in str(field.type)]
    return named[0] if len(named) == 1 else None


def _tried(task: Task, work: Callable[[], T], *, tries: int = MOST_TRIES) -> T:
    """Do `work`, again if only the moment was wrong (GUARANTEES R-2). Refuses Deadline, Busy, Unavailable."""
    for _ in range(tries):
        try:
            return work()
        except PoolTimeout:
            raise Busy from None
        except (DBAPIError, psycopg.Error) as trouble:
            cause = trouble.orig if isinstance(trouble, DBAPIError) else trouble
            if isinstance(cause, driver.QueryCanceled):
                raise Deadline from None
            if isinstance(cause, _PASSING):
                continue
            if not isinstance(cause, _LOST):
                raise
            # Nobody knows whether it was committed. The key will tell; without one, only the asker can.
            if task.entered is not None and task.entered.key is None:
                raise Unavailable(_UNSURE) from None
    raise Busy
