"""Whoever invites chooses the language of the invite and later mails; accepted, it is the person's own."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, text
from sqlmodel import select

from auth import invites, memberships
from auth.accepting import Accepted
from auth.audit import AuditEvent
from auth.invites import Invite
from auth.memberships import Membership, Role
from billing import access_requests, customer_users, customers, pending_invites, staff
from billing.customer_fields import CustomerInput, UserInput
from db.session import Database
from tests.auth import steps
from tests.auth.steps import CHOSEN
from tests.billing.access_steps import asked
from tests.billing.acting import ACME, ANN, BOB, Acts, problems_of
from tests.billing.profile_steps import describe
from tests.cast import Cast


@pytest.fixture
def ann(acts: Acts, cast: Cast) -> Membership:
    """Invited to Acme in French, by a partner that writes in English."""
    return acts(cast.ada, customer_users.invite, customer_id=cast.customers["acme"], **ANN, locale="fr")


def newest_invite(database: Database, member: Membership) -> Invite:
    with database.transaction(partner_id=member.partner_id) as db:
        wanted = select(Invite).where(Invite.membership_id == member.id)
        newest = db.exec(wanted.order_by(Invite.id.desc())).first()  # type: ignore[attr-defined]
        assert newest is not None
        return newest


def token(database: Database, member: Membership) -> str:
    """What the newest invite's mail leads with."""
    return steps.token_of_invite(database, newest_invite(database, member))


def languages(owner: Connection, email: str) -> tuple[list[str | None], list[str | None]]:
    """Of the person with this address, and of their places."""
    people = owner.scalars(text("select locale from person where email_key = :e"), {"e": email}).all()
    wanted = text("select locale from membership where email_key = :e order by created_at, id")
    return list(people), list(owner.scalars(wanted, {"e": email}).all())


def test_every_way_to_invite_takes_a_language(acts: Acts, cast: Cast, database: Database) -> None:
    setup = acts(cast.ada, customers.create, fields=CustomerInput(**{**ACME, "tax_id": None})).customer
    rows = [UserInput(**ANN, locale="fr"), UserInput(**BOB)]
    seated = acts(cast.ada, customers.finish_setup, customer_id=setup.id, users=rows)
    assert [user.locale for user in seated.users] == ["fr", None]
    carl = acts(
        cast.carl, customer_users.invite, customer_id=cast.customers["acme"], **ANN, role=None, locale=" FR "
    )
    colleague = acts(cast.ada, staff.invite, **BOB, role="MEMBER", locale="en")
    request = asked(database, cast, acts.now)
    resolved = acts(
        cast.ada, access_requests.approve, request_id=request, customer_id=cast.customers["acme"], role=None,
        locale="fr",
    )  # fmt: skip
    found = acts.read(cast.ada, select(Membership).where(Membership.id == resolved.membership_id))
    assert (carl.locale, colleague.locale, found[0].locale) == ("fr", "en", "fr")


def test_a_language_that_there_is_not_is_refused_with_all_else(
    acts: Acts, cast: Cast, ann: Membership
) -> None:
    wrong = {"name": " ", "email": "ann@x.example", "locale": "de"}
    both = [("REQUIRED", ("name",)), ("UNKNOWN_LANGUAGE", ("locale",))]
    with acts.nothing_changes():
        assert (
            problems_of(
                lambda: acts(cast.ada, customer_users.invite, customer_id=cast.customers["acme"], **wrong)
            )
            == both
        )
        assert problems_of(lambda: acts(cast.ada, staff.invite, role="MEMBER", **wrong)) == both
        assert (
            problems_of(lambda: acts(cast.ada, customer_users.correct, membership_id=ann.id, **wrong)) == both
        )
        rows = [UserInput(**ANN), UserInput(**BOB, locale="de")]
        fields = CustomerInput(**ACME)
        assert problems_of(lambda: acts(cast.ada, customers.create, fields=fields, users=rows)) == [
            ("UNKNOWN_LANGUAGE", ("users", 1, "locale"))
        ]


def test_it_outlives_whatever_happens_to_the_invite(
    acts: Acts, cast: Cast, database: Database, ann: Membership, now: datetime
) -> None:
    later = now + timedelta(hours=1)
    acts(cast.ada, customer_users.resend_invite, membership_id=ann.id, now=later)
    acts(cast.ada, customer_users.change_role, membership_id=ann.id, role="VIEWER", now=later)
    acts(cast.ada, customer_users.correct, membership_id=ann.id, name=None, email="a@x.example", now=later)
    newest, late = newest_invite(database, ann), later + invites.LIFE
    with database.transaction(partner_id=ann.partner_id) as db:
        pending_invites.send_again(db, partner_id=ann.partner_id, invite_id=newest.id, now=late)
    assert acts.read(cast.ada, select(Membership).where(Membership.id == ann.id))[0].locale == "fr"


@pytest.mark.parametrize("who", ["ada", "carl"])
def test_it_is_corrected_until_they_accept_and_sends_nothing(
    acts: Acts, cast: Cast, database: Database, ann: Membership, now: datetime, who: str
) -> None:
    def correct(locale: str | None) -> str | None:
        typed = {"name": None, "email": None, "locale": locale}
        done: Membership = acts(cast.actors[who], customer_users.correct, membership_id=ann.id, **typed)
        return done.locale

    with acts.nothing_changes():
        assert (correct(None), correct("fr")) == ("fr", "fr")
    assert (correct("en"), correct("")) == ("en", None)
    assert acts.count("invite") == acts.count("mail") == 1
    events = acts.read(cast.ada, select(AuditEvent).where(AuditEvent.action == "user.corrected"))
    assert [event.details for event in events] == [{"fields": ["locale"]}] * 2
    steps.accept(database, token(database, ann), now)
    with acts.nothing_changes(), pytest.raises(invites.NothingToInvite):
        correct("fr")


def test_a_colleague_of_the_staff_is_corrected_too(acts: Acts, cast: Cast) -> None:
    bob = acts(cast.ada, staff.invite, **BOB, role="MEMBER")
    done = acts(cast.ada, staff.correct, membership_id=bob.id, name=None, email=None, locale="fr")
    assert done.locale == "fr"


@pytest.mark.parametrize(("page", "own"), [(None, "fr"), ("fr", "fr"), ("en", "en")])
def test_a_newcomers_own_language_is_that_of_the_page_else_the_one_they_were_invited_in(
    database: Database, owner: Connection, cast: Cast, ann: Membership, now: datetime, page: str | None,
    own: str,
) -> None:  # fmt: skip
    assert steps.look(database, token(database, ann), now).locale == "fr"
    with database.transaction() as db:
        done: Accepted = steps.accepting.accept_as_new(
            db, token=token(database, ann), new=CHOSEN, address=steps.HOME, agent=steps.BROWSER,
            locale=page, now=now,  # type: ignore[arg-type]
        )  # fmt: skip
    assert done.signed_in is not None
    assert done.signed_in.locale == own
    assert languages(owner, ANN["email"]) == ([own], [own])


@pytest.mark.parametrize(("own", "here"), [("en", "en"), ("", "fr")])
def test_a_language_of_ones_own_is_never_overwritten(
    database: Database, owner: Connection, cast: Cast, now: datetime, own: str, here: str
) -> None:
    """Who chose none goes on choosing none, and at the new place reads the one they were invited in."""
    describe(database, cast, now, locale=own)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        added, issued = memberships.add(
            db, cast.ada, customer_id=cast.customers["globex"], name="Petra", role=Role.PAYER, locale="fr",
            email=memberships.Email("petra@acme.example", "petra@acme.example"), now=now,
        )  # fmt: skip
        link = invites.token_of(db, issued)
    assert languages(owner, "petra@acme.example") == ([own or None], [own or None, "fr"])
    assert cast.petra.user_id is not None
    steps.accept_as(database, link, cast.petra.user_id, now)
    assert languages(owner, "petra@acme.example") == ([own or None], [own or None, here])
    # Another name takes nothing away; choosing a language, and none again, does.
    describe(database, cast, now, name="Petra P.", locale=own)
    assert languages(owner, "petra@acme.example")[1] == [own or None, here]
    describe(database, cast, now, locale="fr")
    describe(database, cast, now, locale="")
    assert languages(owner, "petra@acme.example") == ([None], [None, None])
    assert added.customer_id == cast.customers["globex"]
