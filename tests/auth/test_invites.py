"""C-1, C-3, C-7: what an invite is, how long it lives, how many there may be."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from auth import invites, memberships
from auth.actors import RIGHTS, Action, MissingRight
from auth.authority import AboveOwnRole, UserRemoved
from auth.companies import CustomerClosed
from auth.invites import NothingToInvite
from auth.memberships import Role
from auth.tokens import DeadLink, digest_of
from db.session import Database
from errors import NotFound
from tests.auth.steps import Newcomer, accept, invite, look
from tests.auth.team_steps import resend, revoke
from tests.cast import Cast
from tests.world import nothing_changes

SECOND = timedelta(seconds=1)
LIFE = timedelta(hours=72)
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def nia(database: Database, cast: Cast, now: datetime) -> Newcomer:
    """Invited to Acme by Ada."""
    return invite(database, cast.ada, customer_id=cast.customers["acme"], now=now)


def is_dead(database: Database, token: str, now: datetime) -> bool:
    """Dead to looking and to accepting alike; nothing but the answer tells how it died."""
    deaths = []
    for act in (look, accept):
        try:
            act(database, token, now)
        except DeadLink as death:
            deaths.append((type(death), death.code, str(death)))
    assert len(deaths) in (0, 2)
    assert len(set(deaths)) < 2
    return bool(deaths)


def test_only_the_digest_of_the_token_is_kept(
    owner: Connection, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    row = owner.execute(text("select * from invite")).one()
    assert len(nia.token) == 43
    assert row.token_hash == digest_of(nia.token)
    assert (row.id, row.membership_id) == (nia.invite_id, nia.membership_id)
    assert (row.partner_id, row.customer_id) == (cast.ada.partner_id, cast.customers["acme"])
    assert (row.created_at, row.created_by, row.expires_at) == (now, cast.ada.id, now + LIFE)
    assert (row.email_key, row.accepted_at, row.revoked_at) == ("nia@acme.example", None, None)


def test_the_worker_derives_the_same_link_later(database: Database, nia: Newcomer, cast: Cast) -> None:
    with database.transaction(partner_id=cast.partners["northwind"]) as db:
        row = db.get(invites.Invite, (cast.partners["northwind"], nia.invite_id))
        assert row is not None
        assert invites.token_of(db, row) == nia.token


# C-3: 72 hours by the given clock, and other deaths.


def nights() -> list[datetime]:
    """Any day, and the invitations of which a night of 23 or 25 hours takes something away."""
    return [
        datetime(2026, 3, 10, 17, 0, tzinfo=UTC),
        datetime(2026, 3, 7, 1, 30, tzinfo=NEW_YORK),
        datetime(2026, 3, 7, 2, 30, tzinfo=NEW_YORK),
        datetime(2026, 10, 30, 1, 30, tzinfo=NEW_YORK),
        datetime(2026, 11, 1, 1, 30, fold=0, tzinfo=NEW_YORK),
        datetime(2026, 11, 1, 1, 30, fold=1, tzinfo=NEW_YORK),
        datetime(2024, 2, 28, 23, 59, 59, tzinfo=UTC),
    ]


@pytest.mark.parametrize("invited_at", nights(), ids=str)
def test_a_link_lives_for_72_hours_to_the_second(
    database: Database, owner: Connection, cast: Cast, invited_at: datetime
) -> None:
    nia = invite(database, cast.ada, customer_id=cast.customers["acme"], now=invited_at)
    end = invited_at.astimezone(UTC) + LIFE
    with nothing_changes(owner):
        assert is_dead(database, nia.token, end)
        assert is_dead(database, nia.token, end + SECOND)
        assert is_dead(database, nia.token, end.astimezone(NEW_YORK))
    assert look(database, nia.token, (end - SECOND).astimezone(NEW_YORK)).email == nia.email
    assert accept(database, nia.token, end - SECOND).membership_id == nia.membership_id


def test_opening_a_link_ten_times_consumes_nothing(
    database: Database, owner: Connection, nia: Newcomer, now: datetime
) -> None:
    """C-5: mail scanners open links before people do."""
    with nothing_changes(owner):
        for _ in range(10):
            offer = look(database, nia.token, now)
    assert (offer.name, offer.email, offer.company, offer.partner_name, offer.has_account) == (
        "Nia", "nia@acme.example", "Acme", "Northwind", False,
    )  # fmt: skip
    assert set(offer.words) == {"Nia", "nia@acme.example", "Acme", "Northwind"}
    assert accept(database, nia.token, now).signed_in is not None


def test_inviting_again_kills_the_earlier_link(
    database: Database, owner: Connection, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    later = now + timedelta(hours=70)
    again = resend(database, cast.carl, nia, later)
    assert again != nia.token
    assert is_dead(database, nia.token, later)
    assert look(database, again, later + LIFE - SECOND).email == nia.email
    assert owner.scalars(text("select action from audit_event order by at")).all() == [
        "user.invited", "user.invite_resent",
    ]  # fmt: skip
    accept(database, again, later)


def test_a_revoked_link_is_dead_and_the_person_can_be_invited_again(
    database: Database, owner: Connection, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    revoke(database, cast.carl, nia, now)
    assert is_dead(database, nia.token, now)
    with nothing_changes(owner):
        revoke(database, cast.carl, nia, now + SECOND)
    assert owner.execute(text("select status from membership where name = 'Nia'")).scalar_one() == "INVITED"
    assert owner.scalars(text("select action from audit_event order by id")).all() == [
        "user.invited", "user.invite_revoked",
    ]  # fmt: skip
    accept(database, resend(database, cast.ada, nia, now), now)


@pytest.mark.parametrize("act", [memberships.remove, memberships.disable])
def test_a_link_dies_with_its_membership(
    database: Database, nia: Newcomer, cast: Cast, act: object, now: datetime
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        act(db, cast.ada, membership_id=nia.membership_id, now=now)  # type: ignore[operator]
    assert is_dead(database, nia.token, now)


def test_a_disabled_and_enabled_newcomer_needs_a_new_link(
    database: Database, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        memberships.disable(db, cast.ada, membership_id=nia.membership_id, now=now)
        memberships.enable(db, cast.ada, membership_id=nia.membership_id, now=now)
    assert is_dead(database, nia.token, now)
    accept(database, resend(database, cast.ada, nia, now), now)


@pytest.mark.parametrize("status", ["DISABLED", "REMOVED", "ACTIVE"])
def test_a_link_opens_only_a_membership_that_is_still_invited(
    database: Database, owner: Connection, nia: Newcomer, cast: Cast, status: str, now: datetime
) -> None:
    owner.execute(
        text("update membership set status = :status, user_id = :user where id = :id"),
        {"status": status, "user": cast.petra.user_id, "id": nia.membership_id},
    )
    with nothing_changes(owner):
        assert is_dead(database, nia.token, now)


def test_a_used_link_stays_dead_though_its_membership_is_invited_again(
    database: Database, owner: Connection, nia: Newcomer, now: datetime
) -> None:
    accept(database, nia.token, now)
    owner.execute(text("update membership set status = 'INVITED' where id = :id"), {"id": nia.membership_id})
    with nothing_changes(owner):
        assert is_dead(database, nia.token, now)


def test_a_link_dies_with_its_customer(
    database: Database, owner: Connection, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    archived = "update customer set status = 'ARCHIVED', archived_at = now() where company = 'Acme'"
    owner.execute(text(archived))
    with nothing_changes(owner):
        assert is_dead(database, nia.token, now)
        with pytest.raises(CustomerClosed):
            resend(database, cast.ada, nia, now)


def test_archiving_kills_the_customers_links_for_good_and_no_others(
    database: Database, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    ned = invite(database, cast.ada, customer_id=cast.customers["acme"], email="ned@acme.example", now=now)
    gil = invite(
        database, cast.ada, customer_id=cast.customers["globex"], email="gil@globex.example", now=now
    )
    stan = invite(
        database, cast.ada, customer_id=None, role=Role.MEMBER, email="stan@northwind.example", now=now
    )
    accept(database, ned.token, now)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        killed = invites.kill_of_customers(db, cast.ada, customer_ids=[cast.customers["acme"]], now=now)
    assert killed == 1
    assert is_dead(database, nia.token, now)
    assert not is_dead(database, gil.token, now)
    assert not is_dead(database, stan.token, now)


def test_a_link_is_bound_to_its_role(
    database: Database, owner: Connection, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    """C-4: a link mailed to a viewer-to-be can't be accepted as a manager, whoever changed the row."""
    owner.execute(text("update membership set role = 'MANAGER' where id = :id"), {"id": nia.membership_id})
    with nothing_changes(owner):
        assert is_dead(database, nia.token, now)


def test_a_link_is_bound_to_its_address(
    database: Database, owner: Connection, nia: Newcomer, now: datetime
) -> None:
    owner.execute(text("update invite set email_key = 'mallory@contoso.example'"))
    with nothing_changes(owner):
        assert is_dead(database, nia.token, now)


def test_a_link_made_with_another_servers_secret_is_dead(
    database: Database, owner: Connection, nia: Newcomer, now: datetime
) -> None:
    other = Database(database.engine, database._deferrer, secret="another-secret-" + "y" * 40)
    with nothing_changes(owner):
        assert is_dead(other, nia.token, now)


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "\x00", "\ud800", "../../etc/passwd", "x" * 100_000])
def test_what_was_never_a_link_is_dead(
    database: Database, owner: Connection, nia: Newcomer, token: str, now: datetime
) -> None:
    with nothing_changes(owner):
        assert is_dead(database, token, now)


# Who may, and whom.


def test_nobody_is_invited_who_has_accepted(
    database: Database, owner: Connection, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    accept(database, nia.token, now)
    with nothing_changes(owner):
        for act in (resend, revoke):
            with pytest.raises(NothingToInvite):
                act(database, cast.ada, nia, now)


def test_nobody_is_invited_who_was_disabled_or_removed(
    database: Database, owner: Connection, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    for act, refusal in ((memberships.disable, NothingToInvite), (memberships.remove, UserRemoved)):
        with database.transaction(partner_id=cast.ada.partner_id) as db:
            act(db, cast.ada, membership_id=nia.membership_id, now=now)
        with nothing_changes(owner):
            for again in (resend, revoke):
                with pytest.raises(refusal):
                    again(database, cast.ada, nia, now)


def test_others_neither_resend_nor_revoke(
    database: Database, owner: Connection, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    with nothing_changes(owner):
        for act in (resend, revoke):
            for person in ("rita", "petra", "vera"):
                with pytest.raises(MissingRight):
                    act(database, getattr(cast, person), nia, now)
            for person in ("gus", "mallory", "ines", "contoso_key"):
                with pytest.raises(NotFound):
                    act(database, getattr(cast, person), nia, now)


@pytest.mark.parametrize("act", [resend, revoke])
def test_staff_invites_are_the_admins_alone(
    database: Database, owner: Connection, cast: Cast, act: object, now: datetime
) -> None:
    stan = invite(database, cast.ada, customer_id=None, role=Role.READ_ONLY, email="stan@n.example", now=now)
    for actor in (cast.sue, cast.clem, cast.northwind_key):
        with nothing_changes(owner), pytest.raises(MissingRight):
            act(database, actor, stan, now)  # type: ignore[operator]
    for actor in (cast.carl, cast.mallory):
        with nothing_changes(owner), pytest.raises(NotFound):
            act(database, actor, stan, now)  # type: ignore[operator]
    act(database, cast.ada, stan, now)  # type: ignore[operator]


def test_an_unknown_membership_is_answered_like_a_strangers(
    database: Database, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    """O5: the refusal for Contoso's Ines, asked by Ada, is the one for a made-up id."""
    answers = set()
    for membership_id in (cast.ines.id, uuid4()):
        stranger = Newcomer(membership_id, uuid4(), "", "")  # type: ignore[arg-type]
        for act in (resend, revoke):
            with pytest.raises(NotFound) as refusal:
                act(database, cast.ada, stranger, now)
            answers.add((type(refusal.value), str(refusal.value)))
    assert len(answers) == 1


def test_issuing_checks_the_right_by_itself(
    database: Database, owner: Connection, nia: Newcomer, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        membership = db.get(memberships.Membership, (cast.ada.partner_id, nia.membership_id))
        assert membership is not None
        for actor, refusal in ((cast.rita, MissingRight), (cast.gus, NotFound)):
            with nothing_changes(owner), pytest.raises(refusal):
                invites.issue(db, actor, membership=membership, now=now)


def test_nobody_touches_the_invite_of_somebody_who_may_do_more(
    database: Database, owner: Connection, cast: Cast, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    """No role of today that manages users stands below another; this holds for the next one that does."""
    boss = invite(database, cast.ada, customer_id=cast.customers["acme"], role=Role.MANAGER, now=now)
    monkeypatch.setitem(RIGHTS, Role.PAYER, RIGHTS[Role.PAYER] | {Action.MANAGE_USERS})
    for act in (resend, revoke):
        with nothing_changes(owner), pytest.raises(AboveOwnRole):
            act(database, cast.petra, boss, now)
