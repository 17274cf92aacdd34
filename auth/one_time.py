"""What is good once and not for long: mailed links and codes, an authenticator's questions, half sign-ins,
portal tokens.

Surprise: what is over stays for a day, because the job that mails it may still look it up. Then one function
of the database deletes it, whoever's it was: nobody comes back to most of it.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session

KEPT = timedelta(days=1)


def drop_over(db: Session, *, now: datetime) -> int:
    """Forget what has been over for a day; how many rows there were."""
    return int(db.execute(select(func.drop_one_time_rows(now.astimezone(UTC) - KEPT))).scalar_one())
