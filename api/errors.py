"""How the API says no: refusals and faulty documents as GraphQL errors, with a code and an HTTP status.

The surprise: whatever is not one of the known kinds is a bug, and of a bug nothing is told but a correlation
id (GUARANTEES E-8).
"""

import re
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import structlog
from graphql import GraphQLError

from api.gate import Refused
from api.guard import strip_suggestions
from auth import refusals
from auth.actors import MissingRight
from auth.proofs import PAGE, ProofRequired
from errors import Conflict, Forbidden, Invalid, Limited, NotFound, Refusal, Unauthenticated

log = structlog.get_logger()

Formatted = dict[str, Any]


class Unavailable(Limited):
    """Nothing is wrong with the request; it could not be carried out just now."""

    code = "UNAVAILABLE"
    message = "The database can't be reached just now. Try again in a moment."

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, retry_after=5)


_STATUS: tuple[tuple[type[Refusal], int], ...] = (
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Invalid, 400),
    (Unavailable, 503),
    (Limited, 429),
)
# What was sent is not sent back: it may be long, or something that should not have been sent at all.
# But the name of a field that is missing or unknown is what mends it.
_REPEATED = re.compile(
    r"[,;] found: .*|(?<=invalid value) '.*'|(?<=^Value) '.*?'(?= does not exist)"
    r"|(?<=value): (?!Expected value of type '\w+' (?:not )?to include \w+ field '\w{1,60}').*",
    re.DOTALL,
)


class Rejected(Exception):
    """A document or its variables that do not fit the schema; `errors` are ready to be sent."""

    def __init__(self, errors: Sequence[Formatted]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = list(errors)

    @classmethod
    def of(cls, errors: Sequence[GraphQLError], *, code: str = "INVALID_DOCUMENT") -> "Rejected":
        """From what graphql-core found, without its guesses and without what was sent."""
        return cls([_formatted(error, code) for error in errors])


def _formatted(error: GraphQLError, code: str) -> Formatted:
    message = _REPEATED.sub("", strip_suggestions(error.message)).rstrip(".") + "."
    formatted: Formatted = {"message": message, "extensions": {"code": code}}
    if error.locations:
        formatted["locations"] = [place.formatted for place in error.locations]
    return formatted


def formatted(problem: Exception) -> tuple[int, list[Formatted], dict[str, str]]:
    """An exception as HTTP status, GraphQL errors and headers. Bugs are logged and masked."""
    if isinstance(problem, Rejected):
        return 400, problem.errors, {}
    if isinstance(problem, Refused):
        return problem.status, [_error(problem.message, problem.code)], problem.headers
    if isinstance(problem, Invalid):
        return 400, [_error(one.message, one.code, argument=list(one.path)) for one in problem.problems], {}
    if isinstance(problem, Refusal):
        refusals.tell(problem)
        status = next(status for kind, status in _STATUS if isinstance(problem, kind))
        more: dict[str, Any] = {"scope": problem.scope} if isinstance(problem, MissingRight) else {}
        if isinstance(problem, ProofRequired):
            more = {"page": PAGE}
        headers = {"retry-after": str(problem.retry_after)} if isinstance(problem, Limited) else {}
        if isinstance(problem, Unauthenticated):
            headers["www-authenticate"] = "Bearer"
        return status, [_error(problem.message, problem.code, **more)], headers
    return 500, [masked(problem)], {}


def masked(problem: BaseException) -> Formatted:
    """What is told of a bug; the rest is in the log under the same id."""
    correlation_id = uuid4().hex[:12]
    log.error("request failed", correlation_id=correlation_id, exc_info=problem)
    message = "Something went wrong on our side. Try again; if it stays, tell us the correlation id."
    return _error(message, "INTERNAL", correlationId=correlation_id)


def _error(message: str, code: str, **more: Any) -> Formatted:
    return {"message": message, "extensions": {"code": code, **more}}
