"""A fresh proof of who it is: what a stolen session must not do, nobody does without one (GUARANTEES D-4).

Surprise: the rules ask, not the doors (`Actor.require_proof`), so that a page and the mutation beside it
can't differ. Only one's own account, which no program reaches, asks at its pages.
"""

from datetime import datetime, timedelta

from errors import Forbidden

RECENT = timedelta(minutes=15)
# The page where a session is proved anew, whichever door it was asked at.
PAGE = "/account/prove"


class ProofRequired(Forbidden):
    """The person is known, but proved it too long ago for this. A page asks again; the API names it."""

    code = "PROOF_REQUIRED"
    message = "Prove once more that it is you at /account/prove, then send this again."


def is_recent(proved_at: datetime, now: datetime) -> bool:
    """Was a password, code or passkey given in the last quarter of an hour?"""
    return now - proved_at < RECENT
