"""Whom an invoice is mailed to: users of its customer, and nobody else."""

from functools import partial
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text
from sqlmodel import select

from billing import invoice_sending
from billing.mails import Mail
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
