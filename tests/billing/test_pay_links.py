"""Pay links: who makes and ends them, what opens and what doesn't, and what is written down of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from auth.actors import Action, ActorKind, MissingRight
from auth.tokens import DeadLink
from billing import papers, pay_links
from billing.pay_links import Guest, Made, ManyLinks, NothingToShow
from db.session import Database
from errors import NotFound
from tests.billing.acting import Acts, at_once, codes, invoice_of
from tests.cast import Cast

Opens = Callable[..., Guest]


@pytest.fixture
def invoice_id(owner: Connection, cast: Cast) -> UUID:
    """An open invoice of Acme's, due on March 31, 2026."""
    return invoice_of(owner, cast, "acme")


@pytest.fixture
def made(acts: Acts, cast: Cast, invoice_id: UUID) -> Made:
    """A link to it."""
    return acts(cast.ada, pay_links.create, invoice_id=invoice_id)


@pytest.fixture
def opens(database: Database, now: datetime) -> Opens:
    """Opens a link in a transaction of its own, as the page does."""

    def opening(token: str, *, at: datetime = now, is_counted: bool = True) -> Guest:
        with database.transaction() as db:
            return pay_links.open_link(db, token=token, is_counted=is_counted, now=at)

    return opening


def log(owner: Connection) -> list[tuple[str, str]]:
    asked = "select action, actor_kind from audit_event where subject_kind = 'invoice' order by at, id"
    return [(action, kind) for action, kind in owner.execute(text(asked))]


def test_a_link_opens_its_invoice_and_only_a_digest_is_kept(
    made: Made, opens: Opens, invoice_id: UUID, owner: Connection, cast: Cast
) -> None:
    guest = opens(made.token)
    assert (guest.invoice_id, guest.actor.kind, guest.partner.name) == (
        invoice_id, ActorKind.GUEST, "Northwind",
    )  # fmt: skip
    kept = str(owner.execute(text("select * from pay_link")).one())
    assert made.token not in kept
    assert len(made.token) == 43


def test_a_guest_may_view_invoices_and_pay_and_nothing_else(made: Made, opens: Opens) -> None:
    guest = opens(made.token).actor
    assert [action for action in Action if guest.may(action)] == [Action.VIEW_INVOICES, Action.PAY]


def test_a_guest_reads_the_links_invoice_and_no_other_one(
    made: Made, database: Database, invoice_id: UUID, owner: Connection, cast: Cast, now: datetime
) -> None:
    others = [invoice_of(owner, cast, customer) for customer in ("acme", "globex", "initech")]
    with database.transaction() as db:
        guest = pay_links.open_link(db, token=made.token, is_counted=False, now=now)
        paper = papers.invoice_paper(db, guest.actor, invoice_id=invoice_id)
        assert (paper.invoice.id, paper.customer.company) == (invoice_id, "Acme")
        for other in others:
            with pytest.raises(NotFound):
                papers.invoice_paper(db, guest.actor, invoice_id=other)


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "\udfff", "x" * 5000])
def test_what_was_never_a_link_opens_nothing(opens: Opens, made: Made, token: str, acts: Acts) -> None:
    with acts.nothing_changes(), pytest.raises(DeadLink):
        opens(token)


def test_a_link_ends_ninety_days_past_due_by_the_partners_calendar(
    made: Made, opens: Opens, owner: Connection
) -> None:
    zone = ZoneInfo(str(owner.scalar(text("select time_zone from partner where slug = 'northwind'"))))
    # Due on March 31; day 90 is June 29.
    midnight = datetime(2026, 6, 30, tzinfo=zone).astimezone(UTC)
    assert opens(made.token, at=midnight - timedelta(seconds=1)).invoice_id
    with pytest.raises(DeadLink):
        opens(made.token, at=midnight)


def test_a_link_to_a_very_old_invoice_is_good_for_a_month(
    acts: Acts, cast: Cast, invoice_id: UUID, opens: Opens
) -> None:
    late = datetime(2027, 3, 1, tzinfo=UTC)
    made = acts(cast.ada, pay_links.create, invoice_id=invoice_id, now=late)
    assert opens(made.token, at=late + timedelta(days=29, hours=23)).invoice_id == invoice_id
    with pytest.raises(DeadLink):
        opens(made.token, at=late + timedelta(days=30))


def test_a_revoked_link_and_one_of_an_archived_customer_say_the_same(
    made: Made, acts: Acts, cast: Cast, opens: Opens, invoice_id: UUID, owner: Connection
) -> None:
    other = acts(cast.ada, pay_links.create, invoice_id=invoice_id)
    acts(cast.clem, pay_links.revoke, link_id=made.link.id)
    with acts.nothing_changes(), pytest.raises(DeadLink) as revoked:
        opens(made.token)
    assert opens(other.token).invoice_id == invoice_id
    owner.execute(text("update customer set status = 'ARCHIVED', archived_at = now() where company = 'Acme'"))
    with acts.nothing_changes(), pytest.raises(DeadLink) as archived:
        opens(other.token)
    assert revoked.value.message == archived.value.message


def test_revoking_twice_changes_nothing(made: Made, acts: Acts, cast: Cast, owner: Connection) -> None:
    acts(cast.ada, pay_links.revoke, link_id=made.link.id)
    with acts.nothing_changes():
        acts(cast.clem, pay_links.revoke, link_id=made.link.id)
    assert [action for action, _ in log(owner)] == ["pay_link.created", "pay_link.revoked"]


def test_opening_is_counted_and_told_once_an_hour_and_a_preview_is_not(
    made: Made, opens: Opens, owner: Connection, now: datetime
) -> None:
    opens(made.token, is_counted=False)
    assert log(owner) == [("pay_link.created", "STAFF")]
    for minutes in (0, 30, 59, 125):
        opens(made.token, at=now + timedelta(minutes=minutes))
    found = owner.execute(text("select opened_count, last_opened_at from pay_link")).one()
    assert tuple(found) == (4, now + timedelta(minutes=125))
    assert log(owner) == [("pay_link.created", "STAFF"), *[("invoice.viewed", "GUEST")] * 2]


def test_two_who_open_at_once_are_counted_twice_and_told_once(
    made: Made, opens: Opens, owner: Connection
) -> None:
    at_once(6, lambda _: opens(made.token))
    assert owner.scalar(text("select opened_count from pay_link")) == 6
    assert [action for action, _ in log(owner)].count("invoice.viewed") == 1


@pytest.mark.parametrize("status", ["DRAFT", "VOID"])
def test_drafts_and_void_invoices_get_no_link(acts: Acts, cast: Cast, owner: Connection, status: str) -> None:
    invoice_id = invoice_of(owner, cast, "acme", status=status)
    with acts.nothing_changes(), pytest.raises(NothingToShow):
        acts(cast.ada, pay_links.create, invoice_id=invoice_id)


def test_who_may_not_edit_invoices_makes_and_ends_no_link(
    acts: Acts, cast: Cast, made: Made, invoice_id: UUID
) -> None:
    for who in (cast.rita, cast.carl, cast.petra):
        with acts.nothing_changes(), pytest.raises(MissingRight):
            acts(who, pay_links.create, invoice_id=invoice_id)
        with acts.nothing_changes(), pytest.raises(MissingRight):
            acts(who, pay_links.revoke, link_id=made.link.id)


def test_another_partners_invoice_and_link_are_not_found(
    acts: Acts, cast: Cast, made: Made, invoice_id: UUID
) -> None:
    with acts.nothing_changes(), pytest.raises(NotFound):
        acts(cast.mallory, pay_links.create, invoice_id=invoice_id)
    with acts.nothing_changes(), pytest.raises(NotFound):
        acts(cast.mallory, pay_links.revoke, link_id=made.link.id)


def test_an_invoice_has_twenty_live_links_at_most_however_they_are_made(
    acts: Acts, cast: Cast, made: Made, invoice_id: UUID
) -> None:
    for _ in range(17):
        acts(cast.ada, pay_links.create, invoice_id=invoice_id)
    answers = at_once(5, lambda _: acts(cast.ada, pay_links.create, invoice_id=invoice_id))
    assert codes(answers) == {"Made": 2, ManyLinks.__name__: 3}
    acts(cast.ada, pay_links.revoke, link_id=made.link.id)
    acts(cast.ada, pay_links.create, invoice_id=invoice_id)
