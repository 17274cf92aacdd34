"""That an invoice was opened in the portal: a line a person and hour, of its own customer's people alone."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session

from billing import invoice_views
from db.session import Database
from errors import NotFound
from tests.billing.acting import acting
from tests.billing.shelf import Things
from tests.billing.shelf import alike as alike
from tests.billing.shelf import both as both
from tests.billing.shelf import shelf as shelf
from tests.billing.shelf import things as things
from tests.billing.shelf import twins as twins
from tests.twins import TWIN

HOUR = timedelta(hours=1)
TWINS = """
    insert into audit_event (partner_id, id, customer_id, at, actor_kind, actor_id, actor_name, action,
      subject_kind, subject_id, details)
    values (:twin, gen_random_uuid(), :acme, :now, 'CUSTOMER_USER', :petra, 'Petra', 'invoice.viewed',
      'invoice', :invoice, '{}')
"""


def views(db: Session, t: Things) -> int:
    """How often the log has it that Petra opened the invoice."""
    asked = text(
        "select count(*) from audit_event where action = 'invoice.viewed' and partner_id = :own"
        " and actor_id = :petra and subject_id = :invoice"
    )
    own = t.cast.petra.partner_id
    counted: int = db.execute(
        asked, {"own": own, "petra": t.ids["petra"], "invoice": t.ids["invoice"]}
    ).scalar_one()
    return counted


def test_that_a_twin_was_opened_says_nothing_of_ones_own(alike: Database, things: Things) -> None:
    about = {name: things.ids[name] for name in ("acme", "petra", "invoice")}
    with alike.transaction() as db:
        db.execute(text("set local session_replication_role = replica"))
        db.execute(text(TWINS), {**about, "twin": TWIN, "now": things.now})
        db.execute(text("set local session_replication_role = origin"))
        seen = []
        for now in (things.now, things.now + HOUR / 2, things.now + HOUR):
            invoice_views.note_opened(db, things.cast.petra, invoice_id=things.ids["invoice"], now=now)
            seen.append(views(db, things))
    assert seen == [1, 1, 2]


def test_staff_leave_no_trace(both: tuple[Database, Database], things: Things) -> None:
    with acting(both[0], things.cast.ada) as db:
        before = db.execute(text("select count(*) from audit_event")).scalar_one()
        invoice_views.note_opened(db, things.cast.ada, invoice_id=things.ids["invoice"], now=things.now)
        assert db.execute(text("select count(*) from audit_event")).scalar_one() == before


@pytest.mark.parametrize(("who", "name"), [("petra", "draft"), ("gus", "invoice")])
def test_a_draft_and_anothers_are_not_there(
    both: tuple[Database, Database], things: Things, who: str, name: str
) -> None:
    actor = things.cast.actors[who]
    with acting(both[0], actor) as db, pytest.raises(NotFound):
        invoice_views.note_opened(db, actor, invoice_id=things.ids[name], now=things.now)
