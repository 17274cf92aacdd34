"""A mistyped name or address of somebody who never accepted is corrected; afterwards it is their own."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection
from sqlmodel import select

from auth.actors import Actor, MissingRight
from auth.audit import AuditEvent
from auth.companies import CustomerClosed
from auth.invites import Invite, NothingToInvite, token_of
from auth.memberships import Membership, Role
from auth.throttle import TooMany
from auth.tokens import DeadLink
from billing import customer_users, customers, staff
from billing.mails import Mail
from billing.search import SearchToken
from db.session import Database
from errors import NotFound
from tests.auth import steps
from tests.billing.acting import ANN, Acts, problems_of
from tests.cast import Cast

NEW = "zoe@acme.example"


@pytest.fixture
def ann(acts: Acts, cast: Cast) -> Membership:
    """Mistyped, and the only user of Acme who never accepted."""
    return acts(cast.ada, customer_users.invite, customer_id=cast.customers["acme"], **ANN)


def link(acts: Acts, cast: Cast, database: Database) -> str:
    """The token of the newest invite."""
    newest = acts.read(cast.ada, select(Invite).order_by(Invite.id.desc()))[0]  # type: ignore[attr-defined]
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        return token_of(db, db.get_one(Invite, (newest.partner_id, newest.id)))


@pytest.mark.parametrize("who", ["ada", "sue", "clem", "carl", "northwind_key"])
def test_another_address_gets_a_new_invite_and_the_earlier_link_dies(
    acts: Acts, cast: Cast, database: Database, ann: Membership, now: datetime, who: str
) -> None:
    old = link(acts, cast, database)
    later = now + timedelta(hours=1)
    fixed = acts(
        cast.actors[who], customer_users.correct, membership_id=ann.id, name="Zoé Roy", email=NEW, now=later
    )
    assert (fixed.id, fixed.name, fixed.name_key) == (ann.id, "Zoé Roy", "zoé roy")
    assert (fixed.email, fixed.email_key, fixed.role) == (NEW, NEW, Role.PAYER)
    new = link(acts, cast, database)
    with pytest.raises(DeadLink):
        steps.look(database, old, later)
    offer = steps.look(database, new, later)
    assert (offer.name, offer.email) == ("Zoé Roy", NEW)
    mails = acts.read(cast.ada, select(Mail).order_by(Mail.id))  # type: ignore[arg-type]
    assert len(mails) == 2
    assert mails[1].membership_id == ann.id
    words = set(acts.read(cast.ada, select(SearchToken.token)))
    assert {"zoe", "roy"} <= words
    assert "ann" not in words
    event = acts.read(cast.ada, select(AuditEvent).where(AuditEvent.action == "user.corrected"))[0]
    assert (event.actor_name, event.subject_id) == (cast.actors[who].name, ann.id)
    assert event.details == {"fields": ["email", "name"]}
    accepted = steps.accept(database, new, later)
    assert accepted.membership_id == ann.id


def test_a_name_alone_leaves_the_link_alive(
    acts: Acts, cast: Cast, database: Database, ann: Membership, now: datetime
) -> None:
    acts(cast.ada, customer_users.correct, membership_id=ann.id, name="Anna", email=None)
    assert acts.count("mail") == acts.count("invite") == 1
    assert steps.look(database, link(acts, cast, database), now).name == "Anna"
    with acts.nothing_changes():
        acts(cast.ada, customer_users.correct, membership_id=ann.id, name="Anna", email=ann.email)


def test_it_is_refused_once_accepted_or_disabled_and_at_an_archived_customer(
    acts: Acts, cast: Cast, database: Database, ann: Membership, now: datetime
) -> None:
    def refused(member: Membership | Actor, refusal: type[Exception]) -> None:
        with acts.nothing_changes(), pytest.raises(refusal):
            acts(cast.ada, customer_users.correct, membership_id=member.id, name="X", email=NEW)

    refused(cast.petra, NothingToInvite)
    acts(cast.ada, customer_users.disable, membership_id=ann.id)
    refused(ann, NothingToInvite)
    acts(cast.ada, customer_users.enable, membership_id=ann.id)
    acts(cast.ada, customers.archive, customer_id=cast.customers["acme"])
    refused(ann, CustomerClosed)


def test_wrong_fields_are_told_at_once_and_a_taken_address_too(
    acts: Acts, cast: Cast, ann: Membership
) -> None:
    def problems(name: str, email: str) -> list[tuple[str, tuple[str | int, ...]]]:
        with acts.nothing_changes():
            return problems_of(
                lambda: acts(cast.ada, customer_users.correct, membership_id=ann.id, name=name, email=email)
            )

    assert {path for _, path in problems(" ", "nonsense")} == {("name",), ("email",)}
    assert problems("Ann", "PETRA@acme.example") == [("ALREADY_USER", ("email",))]


@pytest.mark.parametrize("who", ["rita", "petra", "vera"])
def test_only_who_manages_users_corrects_them(acts: Acts, cast: Cast, ann: Membership, who: str) -> None:
    with acts.nothing_changes(), pytest.raises(MissingRight):
        acts(cast.actors[who], customer_users.correct, membership_id=ann.id, name="X", email=NEW)


def test_each_address_has_its_invites_of_the_day(acts: Acts, cast: Cast, ann: Membership) -> None:
    for at in range(10):
        email = NEW if at % 2 else "other@acme.example"
        acts(cast.ada, customer_users.correct, membership_id=ann.id, name=None, email=email)
    with acts.nothing_changes(), pytest.raises(TooMany):
        acts(cast.ada, customer_users.correct, membership_id=ann.id, name=None, email="other@acme.example")


def test_a_colleague_is_corrected_too_and_customers_users_are_none(
    acts: Acts, cast: Cast, ann: Membership, owner: Connection
) -> None:
    mel = acts(cast.ada, staff.invite, name="Mel", email="mle@northwind.example", role="MEMBER")
    fixed = acts(cast.ada, staff.correct, membership_id=mel.id, name=None, email="mel@northwind.example")
    assert (fixed.name, fixed.email) == ("Mel", "mel@northwind.example")
    assert acts.count("mail") == 3
    for rule, member in ((staff.correct, ann), (customer_users.correct, mel)):
        with acts.nothing_changes(), pytest.raises(NotFound):
            acts(cast.ada, rule, membership_id=member.id, name="X", email=NEW)
    with acts.nothing_changes(), pytest.raises(NothingToInvite):
        acts(cast.ada, staff.correct, membership_id=cast.clem.id, name="X", email=NEW)
