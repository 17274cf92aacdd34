"""What can be done with many records at once, whoever does it: a request at once, or the worker in time.

Surprise: nothing here decides how many are done in one go. That is for whoever calls, up to what a rule takes
(`chosen.MOST_AT_ONCE`); it takes the partner's and its customers' sides alike, as the rules do.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session

from auth.actors import Action, Actor
from billing import customer_bulk, invoice_archiving, tags


class Noun(StrEnum):
    """What there are many of."""

    CUSTOMERS = "CUSTOMERS"
    INVOICES = "INVOICES"


class What(StrEnum):
    """What is done. UNDO takes an ARCHIVE back."""

    TAG = "TAG"
    UNTAG = "UNTAG"
    ARCHIVE = "ARCHIVE"
    RESTORE = "RESTORE"
    UNDO = "UNDO"


class Many(NamedTuple):
    """One thing done with many: `tag_ids` to put on or to take off, `archiving_id` of ARCHIVE and of UNDO."""

    noun: Noun
    what: What
    tag_ids: tuple[UUID, ...] = ()
    archiving_id: UUID | None = None

    @property
    def is_tagging(self) -> bool:
        """Is it about tags?"""
        return self.what in (What.TAG, What.UNTAG)

    @property
    def needs(self) -> Action:
        """The right to it."""
        if self.is_tagging:
            return Action.EDIT_TAGS
        return Action.EDIT_CUSTOMERS if self.noun is Noun.CUSTOMERS else Action.EDIT_INVOICES

    def do(self, db: Session, actor: Actor, record_ids: Sequence[UUID], *, now: datetime) -> int:
        """Do it with these, and say how many are otherwise than before. Refuses as the rule does."""
        given: dict[str, object] = {f"{self.noun.lower()[:-1]}_ids": record_ids}
        if self.is_tagging:
            given["tag_ids"] = self.tag_ids
        if self.what in (What.ARCHIVE, What.UNDO):
            given["archiving_id"] = self.archiving_id
        return _RULES[self.noun, self.what](db, actor, now=now, **given)

    def still_archived(self, db: Session, actor: Actor, *, most: int | None = None) -> Sequence[UUID]:
        """What is archived by this act still, and UNDO would restore. Refuses MissingRight."""
        if self.archiving_id is None:
            return ()
        return _ARCHIVED[self.noun](db, actor, archiving_id=self.archiving_id, most=most)


_ARCHIVED: Mapping[Noun, Callable[..., Sequence[UUID]]] = {
    Noun.CUSTOMERS: customer_bulk.archived_in,
    Noun.INVOICES: invoice_archiving.archived_in,
}
_RULES: Mapping[tuple[Noun, What], Callable[..., int]] = {
    (Noun.CUSTOMERS, What.TAG): tags.tag_customers,
    (Noun.CUSTOMERS, What.UNTAG): tags.untag_customers,
    (Noun.CUSTOMERS, What.ARCHIVE): lambda db, actor, **given: len(
        customer_bulk.archive(db, actor, **given).customers
    ),
    (Noun.CUSTOMERS, What.RESTORE): lambda db, actor, **given: len(customer_bulk.restore(db, actor, **given)),
    (Noun.CUSTOMERS, What.UNDO): lambda db, actor, **given: len(
        customer_bulk.undo_archiving(db, actor, **given)
    ),
    (Noun.INVOICES, What.TAG): tags.tag_invoices,
    (Noun.INVOICES, What.UNTAG): tags.untag_invoices,
    (Noun.INVOICES, What.ARCHIVE): lambda db, actor, **given: len(
        invoice_archiving.archive(db, actor, **given).invoices
    ),
    (Noun.INVOICES, What.RESTORE): lambda db, actor, **given: len(
        invoice_archiving.restore(db, actor, **given)
    ),
    (Noun.INVOICES, What.UNDO): lambda db, actor, **given: len(
        invoice_archiving.undo_archiving(db, actor, **given)
    ),
}
