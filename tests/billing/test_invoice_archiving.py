"""Archiving invoices: only what is done with, all or nothing, in one act that can be taken back."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from auth.actors import MissingRight
from auth.audit import AuditEvent
from billing import invoice_archiving, invoice_life, invoice_sending, invoices, outside_payments
from billing.customer_bulk import NothingToUndo
from billing.invoice_archiving import NotEnded
from billing.invoice_fields import InvoiceInput, LineInput
from billing.invoices import Invoice, InvoiceStatus
from billing.outside_payments import OutsideInput, OutsideKind
from errors import Invalid, NotFound
from tests.billing.acting import Acts
from tests.cast import Cast
from tests.world import nothing_changes


def _draft(acts: Acts, cast: Cast) -> UUID:
    fields = InvoiceInput(lines=[LineInput(description="Visit", quantity="1", unit_price="100.00")])
    return acts(cast.ada, invoices.create_draft, customer_id=cast.customers["acme"], fields=fields).id


def _issued(acts: Acts, cast: Cast) -> UUID:
    return acts(cast.ada, invoice_sending.send, invoice_id=_draft(acts, cast)).id


def _voided(acts: Acts, cast: Cast) -> UUID:
    return acts(cast.ada, invoice_life.void, invoice_id=_issued(acts, cast)).id


def _read(acts: Acts, cast: Cast, invoice_id: UUID) -> Invoice:
    found: Invoice = acts.read(cast.ada, select(Invoice).where(Invoice.id == invoice_id))[0]
    return found


def test_clem_archives_what_is_done_with_and_takes_it_back(acts: Acts, cast: Cast, now: datetime) -> None:
    one, two = _voided(acts, cast), _voided(acts, cast)
    first = acts(cast.clem, invoice_archiving.archive, invoice_ids=[one])
    both = acts(cast.clem, invoice_archiving.archive, invoice_ids=[one, two, two])
    assert [(done.id, done.archived_at) for done in both.invoices] == [(two, now)]
    assert acts(cast.clem, invoice_archiving.archive, invoice_ids=[one, two]).invoices == ()
    undone = acts(cast.ada, invoice_archiving.undo_archiving, archiving_id=both.archiving_id)
    assert [done.id for done in undone] == [two]
    assert _read(acts, cast, one).archiving_id == first.archiving_id
    assert _read(acts, cast, two).archived_at is None
    assert len(acts(cast.ada, invoice_archiving.restore, invoice_ids=[one, two])) == 1
    with pytest.raises(NothingToUndo):
        acts(cast.ada, invoice_archiving.undo_archiving, archiving_id=first.archiving_id)
    found = acts.read(cast.ada, select(AuditEvent).order_by(AuditEvent.at, AuditEvent.id))
    log = [row.action for row in found if row.action in ("invoice.archived", "invoice.restored")]
    assert sorted(log) == ["invoice.archived"] * 2 + ["invoice.restored"] * 2


def test_a_draft_and_an_open_one_stay_and_all_others_with_them(
    acts: Acts, cast: Cast, owner: Connection
) -> None:
    ended = _voided(acts, cast)
    for other in (_draft(acts, cast), _issued(acts, cast)):
        with nothing_changes(owner), pytest.raises(NotEnded):
            acts(cast.ada, invoice_archiving.archive, invoice_ids=[ended, other])
        with pytest.raises(IntegrityError, match="only_ended_archived"):
            owner.execute(
                text("update invoice set archived_at = now(), archiving_id = id where id = :id"),
                {"id": other},
            )
        owner.rollback()


def test_who_may_not_archives_nothing(acts: Acts, cast: Cast, owner: Connection) -> None:
    ended = _voided(acts, cast)
    act = acts(cast.ada, invoice_archiving.archive, invoice_ids=[ended]).archiving_id
    with nothing_changes(owner):
        for rule in (invoice_archiving.archive, invoice_archiving.restore):
            for who in (cast.rita, cast.carl, cast.vera):
                with pytest.raises(MissingRight):
                    acts(who, rule, invoice_ids=[ended])
            for ids in ([ended, uuid4()], [uuid4()]):
                with pytest.raises(NotFound):
                    acts(cast.ada, rule, invoice_ids=ids)
            with pytest.raises(NotFound):
                acts(cast.mallory, rule, invoice_ids=[ended])
            for count in (0, 501):
                with pytest.raises(Invalid):
                    acts(cast.ada, rule, invoice_ids=[uuid4() for _ in range(count)])
        with pytest.raises(NothingToUndo):
            acts(cast.mallory, invoice_archiving.undo_archiving, archiving_id=act)
        for who in (cast.rita, cast.carl):
            with pytest.raises(MissingRight):
                acts(who, invoice_archiving.undo_archiving, archiving_id=act)


def test_what_is_owed_again_is_in_the_lists_again(acts: Acts, cast: Cast, now: datetime) -> None:
    paid, given_up = _issued(acts, cast), _issued(acts, cast)
    noted = acts(
        cast.ada, outside_payments.record, invoice_id=paid, request_key="one",
        fields=OutsideInput(kind=OutsideKind.CHECK, amount="100.00", received_on=now.date(), reference="12"),
    )  # fmt: skip
    acts(cast.ada, invoice_life.write_off, invoice_id=given_up, reason=None)
    acts(cast.ada, invoice_archiving.archive, invoice_ids=[paid, given_up])
    later = now + timedelta(days=1)
    acts(cast.ada, outside_payments.reverse, payment_id=noted.id, reason="It bounced", now=later)
    acts(cast.ada, invoice_life.reopen, invoice_id=given_up, now=later)
    for one in (_read(acts, cast, paid), _read(acts, cast, given_up)):
        assert (one.status, one.archived_at, one.archiving_id) == (InvoiceStatus.OPEN, None, None)
