"""Whom an invoice is mailed to: users of its customer, and nobody else."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text
from sqlmodel import col, select

from billing import invoice_sending
from billing.invoice_sending import Seen, SentAlready
from billing.mails import Mail
from db.session import Database
from errors import NotFound
from tests.billing.acting import Acts, problems_of
from tests.billing.test_invoice_scheduling import draft
from tests.cast import Cast


def test_it_is_sent_to_whom_was_chosen_of_the_customers_users(
    acts: Acts, cast: Cast, owner: Connection
) -> None:
    made, send = draft(acts, cast), invoice_sending.send
    with acts.nothing_changes():
        for stranger in (
            cast.gus,
            cast.ada,
            cast.ines,
        ):  # of another customer, of the partner, of another partner
            with pytest.raises(NotFound):
                acts(cast.ada, send, invoice_id=made.id, recipients=[cast.vera.id, stranger.id])
        for chosen, code in (([], "REQUIRED"), ([uuid4() for _ in range(51)], "TOO_MANY")):
            wrong = problems_of(partial(acts, cast.ada, send, invoice_id=made.id, recipients=chosen))
            assert wrong == [(code, ("recipient_ids",))]
    acts(cast.ada, send, invoice_id=made.id, recipients=[cast.vera.id, cast.vera.id])
    assert [mail.membership_id for mail in acts.read(cast.ada, select(Mail))] == [cast.vera.id]
    owner.execute(text("update membership set status = 'REMOVED' where name = 'Vera'"))
    with acts.nothing_changes(), pytest.raises(NotFound):
        acts(cast.ada, send, invoice_id=made.id, recipients=[cast.vera.id])


def test_one_confirmation_sends_once_though_two_come_at_once(
    acts: Acts, database: Database, cast: Cast, owner: Connection, now: datetime
) -> None:
    made = draft(acts, cast)

    def confirm(_: int) -> bool:
        with database.transaction(partner_id=cast.ada.partner_id) as db:
            try:
                invoice_sending.send(db, cast.ada, invoice_id=made.id, seen=Seen(None), now=now)
            except SentAlready:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(confirm, range(4))) == 1
    mails = acts.read(cast.ada, select(Mail).order_by(col(Mail.id)))
    assert len({mail.membership_id for mail in mails}) == len(mails) > 0
    # Whoever knows of it sends it again, once.
    acts(cast.ada, invoice_sending.send, invoice_id=made.id, seen=Seen(mails[-1].id))
    assert len(acts.read(cast.ada, select(Mail))) == 2 * len(mails)
    with acts.nothing_changes(), pytest.raises(SentAlready):
        acts(cast.ada, invoice_sending.send, invoice_id=made.id, seen=Seen(mails[-1].id))
