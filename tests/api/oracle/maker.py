"""Writes rows of any table, with everything chosen by one seeded source of chance."""

from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert
from sqlmodel import SQLModel

from billing.search import SearchToken, words_kept
from tests.cast import Cast

TEXTS = (
    "Acme", "acme", "100%", "a_b", 'say "hi"', "back\\slash", "Café Zoë", "it's", "line\nbreak", "tab\there",
    "\u2028", "ünïon 5", "O'Brien & Söhne", "\U0001f600", "{}", "null", "''", "$1", "%s", "</script>",
)  # fmt: skip

# What recurring invoices fill in, and what looks like it.
WORDED = (
    "Hosting {month}", "{Month+1}/{MONTH-1}", "{month+99}{month-99}", "{year}/{year+1}: {period}",
    "{{period}} {moth} {month+123} {period+1} {", "{month + 1}{year",
)  # fmt: skip
Row = dict[str, Any]


class Maker:
    """Writes rows, with everything chosen by one seeded source of chance."""

    def __init__(self, owner: Connection, cast: Cast, now: datetime, seed: int) -> None:
        self.owner = owner
        self.cast = cast
        self.now = now
        self.today = now.date()
        self.chance = Random(seed)

    def write(self, model: type[SQLModel], **values: Any) -> Row:
        self.owner.execute(insert(model).values(**values))
        return values

    def text(self) -> str:
        return self.chance.choice(TEXTS)

    def worded(self) -> str:
        return self.chance.choice(TEXTS + WORDED)

    def maybe(self, value: Any) -> Any:
        return value if self.chance.random() < 0.6 else None

    def moment(self) -> datetime:
        """Of a few, so that many are the same; some with microseconds."""
        return self.now - timedelta(days=self.chance.randrange(5), microseconds=self.chance.choice((0, 0, 1)))

    def day(self, about: int = 0) -> date:
        return self.today + timedelta(days=about + self.chance.randrange(-3, 4))

    def cents(self, most: int = 300_000) -> int:
        return self.chance.choice((1, 5, 99, 100, 12_345, 12_345, self.chance.randrange(1, most)))


def words(
    maker: Maker, partner: UUID, customer: UUID | None, kind: str, subject: UUID, texts: list[str | None]
) -> None:
    for word in words_kept(texts):
        maker.write(
            SearchToken, partner_id=partner, customer_id=customer, kind=kind, subject_id=subject, token=word
        )
