"""The letters with codes: to sign in, and to confirm a new browser.

Surprise: the code is made here, from its record, and is nowhere else; a code that is used or over by the time
the mail is written is not sent.
"""

from datetime import datetime

from sqlmodel import Session

from auth import mailed_codes
from auth.mailed_codes import CodePurpose, MailedCode
from auth.users import User
from integrations.mail.letters import Letter, Link, NotWanted
from integrations.mail.personal_letters import locale_of_person


def write(db: Session, *, user: User, code: MailedCode, link: Link, now: datetime) -> Letter:
    """The letter with the code, for the address the person has. Raises `NotWanted` for a dead code."""
    if code.used_at is not None or code.expires_at <= now:
        raise NotWanted("the code is used or over")
    digits = mailed_codes.code_of(db, code, email_key=user.email_key)
    half = mailed_codes.DIGITS // 2
    values = {
        "code": f"{digits[:half]} {digits[half:]}", "minutes": int(mailed_codes.LIFE.total_seconds()) // 60,
        "address": code.address, "link": link("/forgot"),
    }  # fmt: skip
    kind = "DEVICE_CODE" if code.purpose is CodePurpose.DEVICE else "SIGN_IN_CODE"
    return Letter(kind, code.id, user.name, user.email, "Remit", None, locale_of_person(user), values)
