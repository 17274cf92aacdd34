"""Search: the words of a record, kept as rows, so that a search is a range over an index.

Surprise: under row-level security only plain comparisons of plain columns can use an index. So no `ilike`:
each record's words are written down by the rule that changes it, and looked up by their beginnings.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import Index, delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, SQLModel, col, select

from db.columns import linked, sort_key, tenant
from db.policies import Guard, guarded

LONGEST_WORD = 64
MOST_WORDS_ASKED = 8
# The last character there is: every word that begins with w lies between w and w + LAST, in byte order.
LAST = "\U0010ffff"
_APART = re.compile(r"[\W_]+")


class SearchToken(SQLModel, table=True):
    """One folded word of one record: search is a range over this table's index."""

    __tablename__ = "search_token"
    __table_args__ = (
        # No foreign key: a word is as good as its record, which has them. Asking for the partner again with
        # each of ten words took longer than anything else that is written about a new record.
        Index("ix_search_token_token", "partner_id", "kind", "token", "subject_id"),
        guarded(Guard.CUSTOMER),
    )

    partner_id: UUID = tenant()
    subject_id: UUID = linked()
    kind: str = sort_key(primary_key=True)
    token: str = sort_key(primary_key=True)
    customer_id: UUID | None = None


def words_asked(text: str) -> tuple[str, ...]:
    """What a person searches for, as beginnings of words: a record matches when it has all of them.

    Case, accents and punctuation do not count: `Ünïon-5` asks for `union` and `5`. At most eight words count.
    """
    found = dict.fromkeys(word[:LONGEST_WORD] for word in _APART.split(_folded(text)) if word)
    return tuple(found)[:MOST_WORDS_ASKED]


def words_kept(texts: Iterable[str | None]) -> frozenset[str]:
    """The words under which a record with these texts is found.

    Beside the words of `12-3456789` or `O'Brien` the unbroken form is kept: both ways of writing find it.
    """
    kept: set[str] = set()
    for text in texts:
        for chunk in _folded(text).split() if text else ():
            if chunk.isascii() and chunk.isalnum():
                kept.add(chunk[:LONGEST_WORD])
                continue
            parts = [part for part in _APART.split(chunk) if part]
            kept.update(part[:LONGEST_WORD] for part in parts)
            if len(parts) > 1:
                kept.add("".join(parts)[:LONGEST_WORD])
    return frozenset(kept)


def keep(
    db: Session,
    *,
    partner_id: UUID,
    customer_id: UUID | None,
    kind: str,
    subject_id: UUID,
    texts: Iterable[str | None],
) -> None:
    """Make the record `subject_id` findable by `texts` and by nothing else.

    Only what differs is written. The caller holds the record's row lock, so that two writers can't mix.
    """
    wanted = words_kept(texts)
    mine = (
        col(SearchToken.partner_id) == partner_id, col(SearchToken.kind) == kind,
        col(SearchToken.subject_id) == subject_id,
    )  # fmt: skip
    present = set(db.exec(select(SearchToken.token).where(*mine)))
    if gone := present - wanted:
        db.execute(delete(SearchToken).where(*mine, col(SearchToken.token).in_(gone)))
    place = {"partner_id": partner_id, "subject_id": subject_id, "kind": kind, "customer_id": customer_id}
    _write(db, place, wanted - present)


def add(
    db: Session, *, partner_id: UUID, customer_id: UUID | None, kind: str, subject_id: UUID, text: str
) -> None:
    """Make the record `subject_id` findable by `text` too: for what grows and loses nothing."""
    place = {"partner_id": partner_id, "subject_id": subject_id, "kind": kind, "customer_id": customer_id}
    _write(db, place, words_kept([text]))


def add_those_of(
    db: Session, *, partner_id: UUID, customer_id: UUID | None, kind: str, subject_id: UUID,
    other: tuple[str, UUID],
) -> None:  # fmt: skip
    """Make the record `subject_id` findable by the words that another one (its kind, its id) has now."""
    place = {"partner_id": partner_id, "subject_id": subject_id, "kind": kind, "customer_id": customer_id}
    theirs = (col(SearchToken.partner_id) == partner_id, col(SearchToken.kind) == other[0])
    words = db.exec(select(SearchToken.token).where(*theirs, col(SearchToken.subject_id) == other[1]))
    _write(db, place, words)


def _write(db: Session, place: Mapping[str, object], words: Iterable[str]) -> None:
    # In one order for all: two who write the same words wait for each other, and never both at once.
    if rows := [{**place, "token": word} for word in sorted(words)]:
        db.execute(insert(SearchToken).values(rows).on_conflict_do_nothing())


def _folded(text: str) -> str:
    """Without case, accents and compatibility forms; the same whether folded once or twice."""
    if text.isascii():
        return text.lower()
    bare = text
    for _ in range(2):  # folding the case may bring accents back: `İ` becomes `i` and a dot
        apart = unicodedata.normalize("NFKD", bare).casefold()
        bare = "".join(char for char in apart if not unicodedata.combining(char))
    return unicodedata.normalize("NFKC", bare)
