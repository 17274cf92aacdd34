"""A-2: past row-level security, whoever comes too late is told of the own partner's acts, not of a twin's."""

import pytest
from sqlalchemy import text
from sqlmodel import Session

from billing import invoice_latest, invoice_sending
from billing.invoice_sending import Seen, SentAlready
from db.session import Database
from tests.billing.shelf import Things
from tests.billing.shelf import alike as alike
from tests.billing.shelf import shelf as shelf
from tests.billing.shelf import things as things
from tests.billing.shelf import twins as twins
from tests.twins import TWIN

ACTS = """
    delete from audit_event where subject_id = :invoice;
    insert into audit_event (partner_id, id, at, actor_kind, actor_name, action, subject_kind, subject_id,
      details)
    select i.partner_id, case when i.partner_id = :twin then cast(:last as uuid) else gen_random_uuid() end,
      coalesce(i.finalized_at, i.updated_at), 'STAFF',
      case when i.partner_id = :twin then 'Twin' else 'Ada' end, 'invoice.updated', 'invoice', i.id, '{}'
    from invoice i where i.id = :invoice and i.partner_id in (:own, :twin)
"""
MAILS = "delete from mail where partner_id = :own and subject_id = :invoice"
LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"


def _as_owner(db: Session, statements: str, things: Things) -> None:
    given = {"own": things.cast.ada.partner_id, "twin": TWIN, "invoice": things.ids["invoice"], "last": LAST}
    db.execute(text("set local session_replication_role = replica"))
    for statement in statements.split(";"):
        named = {name: value for name, value in given.items() if f":{name}" in statement}
        db.execute(text(statement), named)
    db.execute(text("set local session_replication_role = origin"))


def test_a_twins_act_is_not_told(alike: Database, things: Things) -> None:
    with alike.transaction() as db:
        _as_owner(db, ACTS, things)
        latest = invoice_latest.latest_act(db, things.cast.ada, invoice_id=things.ids["invoice"])
        assert latest is not None
        assert latest.name == "Ada"


@pytest.mark.parametrize(("gone", "is_sent"), [(False, True), (True, False)])
def test_a_twins_mail_is_not_the_newest(alike: Database, things: Things, gone: bool, is_sent: bool) -> None:
    with alike.transaction() as db:
        if gone:
            _as_owner(db, MAILS, things)
        about = {"invoice_id": things.ids["invoice"], "seen": Seen(None), "now": things.now}
        if is_sent:
            with pytest.raises(SentAlready):
                invoice_sending.send(db, things.cast.ada, **about)
        else:
            assert invoice_sending.send(db, things.cast.ada, **about).number
