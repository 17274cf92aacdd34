"""How the house says no: a refusal is one of five kinds, and every door knows how to say each kind.

A rule raises a refusal; the door's one wrapper turns it into a page, a GraphQL error or a job's end.
New reasons subclass one of the five in the module that raises them. A message tells how to fix it.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple


class Refusal(Exception):
    """A request that was understood and is not granted. Never a bug: bugs are ordinary exceptions.

    Whether it `matters`: an operator should hear of it (`auth.refusals`), with what it is `about`.
    """

    code: ClassVar[str] = "REFUSED"
    matters: ClassVar[bool] = False
    message: str = "This can't be done."

    def __init__(self, message: str | None = None) -> None:
        if message is not None:
            self.message = message
        super().__init__(self.message)

    def about(self) -> dict[str, str]:
        """What the log tells beside the code: ids and fixed words, never a text that somebody typed."""
        return {}


class NotFound(Refusal):
    """No such record, or one of another tenant: the two are never told apart."""

    code = "NOT_FOUND"
    message = "This record does not exist. Check the address, or go back to the list."


class Forbidden(Refusal):
    """Known, and not allowed."""

    code = "FORBIDDEN"
    message = "Your role does not allow this. Ask an administrator."


class Unauthenticated(Forbidden):
    """Nobody we know: no credential, or one that is no longer alive."""

    code = "UNAUTHENTICATED"
    message = "Sign in to go on."


class Conflict(Refusal):
    """Right in itself, but not in the state things are in now.

    `meanwhile`: somebody else was faster, and a fresh page shows it. So it is of a bare one.
    """

    code = "CONFLICT"
    meanwhile: ClassVar[bool] = False
    message = "This changed in the meantime. Reload and try again."


class Limited(Refusal):
    """Too much, too often or too many at once. `retry_after` is in whole seconds."""

    code = "LIMITED"
    message = "Too many tries. Wait a moment and try again."

    def __init__(self, message: str | None = None, *, retry_after: int = 60) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Problem(NamedTuple):
    """One wrong field: a stable code, where it is (`("address", "postal_code")`), and how to fix it.

    `about` is the global id of the record that it speaks of, if the reader can open one.
    """

    code: str
    path: tuple[str | int, ...]
    message: str
    about: str | None = None


class Invalid(Refusal):
    """What was typed can't be taken. Carries every wrong field at once, shared by page, API and CSV."""

    code = "INVALID"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(problem.message for problem in self.problems))

    @classmethod
    def at(cls, *path: str | int, code: str = "INVALID", message: str) -> "Invalid":
        """A refusal of a single field."""
        return cls([Problem(code, path, message)])

    @classmethod
    def of(cls, refusal: Refusal, *path: str | int) -> "Invalid":
        """What the state of things refused, said at the field that can mend it."""
        return cls.at(*path, code=refusal.code, message=refusal.message)
