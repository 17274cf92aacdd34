"""The tables of a long act: what is done with many records by the worker, and which ones while it is needed.

Surprise: which records, is settled when it is asked for. They stand in parts, as lists of ids, and nothing
holds them there: one that is gone by its turn is left out, and that is told.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index
from sqlmodel import SQLModel

from billing.import_tables import Told
from billing.many import Many, Noun, What
from db.columns import choice, count, document, instant, key, linked, references, tenant
from db.policies import Guard, guarded


class ActState(StrEnum):
    """Where a long act stands. Only what is RUNNING changes any more."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    STOPPED = "STOPPED"  # somebody pressed Stop
    NOT_ALLOWED = "NOT_ALLOWED"  # whoever asked for it lost the right to, before it was through
    TAG_GONE = "TAG_GONE"  # a tag that it was about was deleted


class LongAct(SQLModel, table=True):
    """One thing done with `total` records. `reached` is the last part that is through: where a killed one
    goes on.

    `told`: what the first of those that a rule refused were refused for; its `field` is the record's id.
    """

    __tablename__ = "long_act"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        Index("ix_long_act_running", "partner_id", "noun", "id", postgresql_where="state = 'RUNNING'"),
        guarded(Guard.STAFF),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    noun: Noun = choice(Noun)
    what: What = choice(What)
    tag_ids: list[UUID] = references(default_factory=list)
    archiving_id: UUID | None = None
    state: ActState = choice(ActState)
    total: int = count()
    reached: int = count(default=0)
    changed: int = count(default=0)
    unchanged: int = count(default=0)
    refused: int = count(default=0)
    told: list[Told] = document(default_factory=list)
    asked_by: UUID
    asked_by_name: str
    created_at: datetime = instant()
    finished_at: datetime | None = instant(default=None)

    @property
    def asked(self) -> Many:
        """What is to be done."""
        return Many(self.noun, self.what, tuple(self.tag_ids), self.archiving_id)

    @property
    def seen(self) -> int:
        """How many records had their turn."""
        return self.changed + self.unchanged + self.refused


class LongActPart(SQLModel, table=True):
    """The records that are done in one transaction; deleted with the others when the act is over."""

    __tablename__ = "long_act_part"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "act_id"], ["long_act.partner_id", "long_act.id"], ondelete="CASCADE"
        ),
        guarded(Guard.STAFF),
    )

    partner_id: UUID = tenant()
    act_id: UUID = linked()
    position: int = count(primary_key=True)
    record_ids: list[UUID] = references()
