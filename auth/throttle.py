"""Counting tries, in the database, so that every process sees the same count.

Surprise: a bucket's name is a keyed hash: the table tells nobody which address or account was tried. And a
count beyond the limit may be rolled back with the request that was refused: the limit stays reached.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import Field, Session, SQLModel

from auth import refusals
from auth.tokens import keyed_digest
from db.columns import count, instant
from db.policies import Guard, guarded
from errors import Limited

LONGEST_WINDOW = timedelta(hours=24)


class ThrottleBucket(SQLModel, table=True):
    """Tries counted since `began_at` under one hashed name."""

    __tablename__ = "throttle_bucket"
    __table_args__ = (guarded(Guard.GLOBAL),)

    name_hash: bytes = Field(primary_key=True)
    began_at: datetime = instant()
    tries: int = count()


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `tries` in each `window`, which begins with the first try. `name` is part of the hash."""

    name: str
    tries: int
    window: timedelta
    message: str = "Too many tries. Wait a while and try again."


@dataclass(frozen=True, slots=True)
class Bucket:
    """What one limit counts for one thing: an address, an account, a partner."""

    limit: Limit
    name_hash: bytes


class TooMany(Limited):
    """A limit is reached. `retry_after` is the whole window: how much of it is left is not told."""

    code = "TOO_MANY"
    matters = True

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        limit = bucket.limit
        super().__init__(limit.message, retry_after=int(limit.window.total_seconds()))

    def about(self) -> dict[str, str]:
        """Which limit, and whose: as a digest that tells nobody who it is."""
        return {"limit": self._bucket.limit.name, "whose": self._bucket.name_hash.hex()[:12]}


def bucket_of(db: Session, limit: Limit, *counted: UUID | str) -> Bucket:
    """The bucket in which `limit` counts `counted`."""
    return Bucket(limit, keyed_digest(db, f"throttle {limit.name}", *counted))


def count_all(db: Session, buckets: Sequence[Bucket], *, now: datetime) -> None:
    """Count one try in each bucket, in one statement; refuse (`TooMany`) at the first that is full.

    Give the buckets in one order everywhere: the statement locks them until the transaction ends.
    """
    counts = [func.count_try(bucket.name_hash, bucket.limit.window, now) for bucket in buckets]
    tries = db.execute(select(*counts)).one()
    for bucket, tried in zip(buckets, tries, strict=True):
        if tried > bucket.limit.tries:
            full = TooMany(bucket)
            refusals.tell(full)  # here, because pages answer it at their forms and not at their door
            raise full


def is_full(db: Session, buckets: Sequence[Bucket], *, now: datetime) -> bool:
    """Would one more try be refused? Nothing is counted."""
    with db.begin_nested() as asking:
        counts = [func.count_try(bucket.name_hash, bucket.limit.window, now) for bucket in buckets]
        tries = db.execute(select(*counts)).one()
        asking.rollback()
    return any(tried > bucket.limit.tries for bucket, tried in zip(buckets, tries, strict=True))


def is_first(db: Session, bucket: Bucket, *, now: datetime) -> bool:
    """Count one try if it is the first in its window. Who counts at the same moment waits, and is not."""
    with db.begin_nested() as counting:
        count = select(func.count_try(bucket.name_hash, bucket.limit.window, now))
        tried: int = db.execute(count).scalar_one()
        if tried > 1:
            counting.rollback()
    return tried == 1


def give_back(db: Session, buckets: Sequence[Bucket], *, counted_at: datetime) -> None:
    """Take back one try that turned out right from each bucket, unless its window ended since.

    Only the one try: forgetting all would let anybody with an account of their own wash an address clean.
    """
    db.execute(select(*(func.return_try(bucket.name_hash, counted_at) for bucket in buckets)))


def drop_old(db: Session, *, now: datetime) -> int:
    """Forget buckets whose every window is over; how many there were."""
    return int(db.execute(select(func.drop_old_tries(now - LONGEST_WINDOW))).scalar_one())


def network_of(address: str) -> str:
    """What is counted of an IP address: itself, or the /64 of an IPv6 one (a home has that many)."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, 64), strict=False))
