"""Acting on one's own account: the live session behind a request, in the transaction of the work.

Surprise: no tenant is set here, only the person: what is done belongs to the person and to no company.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlmodel import Session as Db
from sqlmodel import select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from auth import sessions, users
from auth.proofs import ProofRequired, is_recent
from auth.sessions import Session
from db.session import enter
from errors import Unauthenticated
from portal import csrf
from portal.form import Form
from portal.house import house, session_hash

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Myself:
    """Who is signed in, and when they last proved it."""

    user_id: UUID
    session_id: UUID
    name: str
    email: str
    time_zone: str
    stepped_up_at: datetime
    now: datetime

    @property
    def proved_recently(self) -> bool:
        """Was a password, code or passkey given in the last quarter of an hour?"""
        return is_recent(self.stepped_up_at, self.now)


async def meet(request: Request, work: Callable[[Db, Myself], Result]) -> Result:
    """Run `work` for whoever is signed in; it only looks. Refuses `Unauthenticated`."""
    return await run_in_threadpool(_entered, request, work, None, False)


async def act(
    request: Request, work: Callable[[Db, Myself], Result], *, form: Form, recent: bool = True
) -> Result:
    """Run `work` for whoever is signed in; the form must be ours. Commits if it returns.

    `recent`: refuses `ProofRequired` unless they proved themselves in the last 15 minutes.
    """
    return await run_in_threadpool(_entered, request, work, form, recent)


def _entered(
    request: Request, work: Callable[[Db, Myself], Result], form: Form | None, recent: bool
) -> Result:
    parts = house(request)
    now = parts.clock()
    with parts.database.transaction() as db:
        found = sessions.find(db, token_hash=session_hash(request), now=now)
        if found is None:
            raise Unauthenticated
        session_id, user_id = found
        if form is not None:
            csrf.check(
                request.headers, session_id=str(session_id), form_token=form.csrf_token, secret=parts.secret,
                public_origin=parts.public_origin,
            )  # fmt: skip
        enter(db, user_id=user_id)
        stepped_up_at = db.exec(select(Session.stepped_up_at).where(Session.id == session_id)).one()
        user = users.one(db, user_id=user_id)
        zone = users.zone_of(db, user)
        myself = Myself(user_id, session_id, user.name, user.email, zone, stepped_up_at, now)
        if recent and not myself.proved_recently:
            raise ProofRequired
        return work(db, myself)
