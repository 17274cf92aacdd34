"""Letters about a person's own account: from Remit itself, to the person and nobody's customer.

Surprise: links are made here, when the letter is written; a link that is dead by then makes no letter.
"""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlmodel import Session

from auth import personal_tokens, users
from auth.audit import PersonalEvent
from auth.emails import parse_email
from auth.personal_tokens import PersonalToken
from auth.users import User
from integrations.mail.letters import Letter, Link, NotWanted
from languages import ENGLISH, Locale, known, mark


class PersonalLetter(Protocol):
    """Writes the letter with a personal link. Raises `NotWanted` for a link that is dead by now."""

    def __call__(
        self, db: Session, *, user: User, token: PersonalToken, link: Link, now: datetime
    ) -> Letter: ...


def reset(db: Session, *, user: User, token: PersonalToken, link: Link, now: datetime) -> Letter:
    """The letter with the link that sets a new password."""
    _require_alive(token, now)
    values = {"link": link(f"/reset/{personal_tokens.token_of(db, token)}"), "minutes": 60}
    return Letter("RESET", token.id, user.name, user.email, "Remit", None, locale_of_person(user), values)


def email_change(db: Session, *, user: User, token: PersonalToken, link: Link, now: datetime) -> Letter:
    """The letter to a new address: the link that confirms it; or, if it has an account already, just that."""
    _require_alive(token, now)
    new = parse_email(token.email)
    holder = users.find(db, new.normal)
    if holder is not None and holder != user.id:
        return Letter(
            "EMAIL_TAKEN",
            token.id,
            new.address,
            new.address,
            "Remit",
            None,
            locale_of_person(user),
            {"link": link("/forgot")},
        )
    values = {"link": link(f"/email-change/{personal_tokens.token_of(db, token)}"), "new": new.address}
    return Letter(
        "EMAIL_CHANGE", token.id, user.name, new.address, "Remit", None, locale_of_person(user), values
    )


def email_undo(db: Session, *, user: User, token: PersonalToken, link: Link, now: datetime) -> Letter:
    """The letter to the address a person has: another is to take its place, and the link that undoes it."""
    _require_alive(token, now)
    assert token.email is not None
    values = {
        "link": link(f"/email-undo/{personal_tokens.token_of(db, token)}"),
        "until": token.expires_at.date(),
    }
    return Letter(
        "EMAIL_UNDO", token.id, user.name, token.email, "Remit", None, locale_of_person(user), values
    )


def locale_of_person(user: User) -> Locale:
    return known(user.locale) or ENGLISH


def _require_alive(token: PersonalToken, now: datetime) -> None:
    if token.used_at is not None or token.expires_at <= now:
        raise NotWanted("the link is used or expired")


def password_changed(*, user: User, event_id: UUID, link: Link) -> Letter:
    """The letter that tells the owner of a changed password."""
    values = {"link": link("/forgot")}
    return Letter(
        "PASSWORD_CHANGED", event_id, user.name, user.email, "Remit", None, locale_of_person(user), values
    )


_FACTORS_CHANGED = {
    "factor.added": mark(
        "An authenticator app was added to your account: its codes sign in with your password."
    ),
    "factor.removed": mark("An authenticator app was removed from your account: its codes no longer work."),
    "factors.reset": mark(
        "Every passkey, authenticator app and recovery code was taken from your account by whoever runs this "
        "server, because they were said to be lost, and you were signed out everywhere. Sign in with your "
        "password, or ask for a new one, and set up a new second step."
    ),
    "recovery_codes.renewed": mark(
        "New recovery codes were made for your account: the old ones no longer work."
    ),
    "recovery_code.used": mark("A recovery code of your account was used. It will not work again."),
    "passkey.added": mark("A passkey was added to your account: it signs in without your password."),
    "passkey.removed": mark("A passkey was removed from your account: it no longer signs in."),
    "passkey.copied": mark(
        "Somebody tried to sign in with what looks like a copy of one of your passkeys. It was refused. "
        "Remove that passkey, and add a new one."
    ),
}


def factors_changed(*, user: User, event: PersonalEvent, link: Link) -> Letter:
    """The letter that tells the owner what changed in the account's second factors."""
    values = {"what": _FACTORS_CHANGED[event.action], "link": link("/account/factors")}
    return Letter(
        "FACTORS_CHANGED", event.id, user.name, user.email, "Remit", None, locale_of_person(user), values
    )
