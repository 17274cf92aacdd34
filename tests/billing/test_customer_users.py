"""The users of a customer: invited, given roles, disabled, removed; a Manager always stays."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text
from sqlmodel import col, select

from auth.actors import Actor, MissingRight
from auth.audit import AuditEvent
from auth.companies import CustomerClosed
from auth.invites import Invite, NothingToInvite
from auth.memberships import LastOne, Membership, MembershipStatus, NotDisabled, Role
from auth.throttle import TooMany
from billing import customer_users, customers
from billing.customer_fields import CustomerInput, UserInput
from billing.customers import CustomerStatus
from billing.mails import Mail
from billing.search import SearchToken
from errors import NotFound
from tests.billing.acting import ACME, ANN, BOB, Acts, problems_of
from tests.cast import Cast


def invite(
    acts: Acts, who: Actor, customer_id: UUID, person: dict[str, str] = ANN, **more: Any
) -> Membership:
    return acts(who, customer_users.invite, customer_id=customer_id, **person, **more)


def in_setup(acts: Acts, cast: Cast) -> UUID:
    return acts(cast.ada, customers.create, fields=CustomerInput.read(ACME)).customer.id


def words(acts: Acts, cast: Cast, customer_id: UUID) -> set[str]:
    return set(acts.read(cast.ada, select(SearchToken.token).where(SearchToken.subject_id == customer_id)))


def open_invites(acts: Acts, cast: Cast) -> int:
    live = select(Invite.id).where(col(Invite.revoked_at).is_(None), col(Invite.accepted_at).is_(None))
    return len(acts.read(cast.ada, live))


@pytest.mark.parametrize("who", ["ada", "sue", "clem", "northwind_key", "carl"])
def test_staff_and_managers_invite_users(acts: Acts, cast: Cast, who: str) -> None:
    member = invite(acts, cast.actors[who], cast.customers["acme"])
    assert (member.role, member.status, member.user_id) == (Role.PAYER, MembershipStatus.INVITED, None)
    assert (acts.count("invite"), acts.count("mail"), acts.count("procrastinate_jobs")) == (1, 1, 1)
    assert words(acts, cast, cast.customers["acme"]) >= {"ann", "rockets", "petra"}
    event = acts.read(cast.carl, select(AuditEvent))[0]
    assert (event.action, event.actor_name, event.subject_id) == (
        "user.invited", cast.actors[who].name, member.id,
    )  # fmt: skip


@pytest.mark.parametrize("who", ["rita", "petra", "vera"])
def test_petra_cannot_invite_a_colleague(acts: Acts, cast: Cast, who: str) -> None:
    with acts.nothing_changes(), pytest.raises(MissingRight):
        invite(acts, cast.actors[who], cast.customers["acme"])


def test_the_first_user_is_a_manager_and_makes_the_customer_active(acts: Acts, cast: Cast) -> None:
    customer_id = in_setup(acts, cast)
    with acts.nothing_changes():
        for role in ("PAYER", "VIEWER"):
            refused = problems_of(lambda role=role: invite(acts, cast.ada, customer_id, role=role))
            assert refused == [("NO_MANAGER", ("role",))]
    assert invite(acts, cast.ada, customer_id).role is Role.MANAGER
    assert invite(acts, cast.ada, customer_id, BOB).role is Role.PAYER
    assert acts(cast.ada, customers.billable, customer_id=customer_id).status is CustomerStatus.ACTIVE


@pytest.mark.parametrize("role", ["ADMIN", "SUB_ADMIN", "MEMBER", "READ_ONLY"])
def test_no_role_of_the_partners_is_given_to_a_customers_user(acts: Acts, cast: Cast, role: str) -> None:
    petra = cast.petra.id
    for who in (cast.ada, cast.carl):
        with acts.nothing_changes():
            refused = problems_of(lambda who=who: invite(acts, who, cast.customers["acme"], role=role))
            assert refused == [("UNKNOWN_ROLE", ("role",))]
            raised = problems_of(
                lambda who=who: acts(who, customer_users.change_role, membership_id=petra, role=role)
            )
            assert raised == [("UNKNOWN_ROLE", ("role",))]


def test_everything_wrong_about_a_user_is_told_at_once(acts: Acts, cast: Cast) -> None:
    wrong = {"name": "4242 4242 4242 4242", "email": "ann@", "role": "boss"}
    with acts.nothing_changes():
        assert problems_of(lambda: invite(acts, cast.ada, cast.customers["acme"], wrong)) == [
            ("CARD_NUMBER", ("name",)), ("BAD_EMAIL", ("email",)), ("UNKNOWN_ROLE", ("role",)),
        ]  # fmt: skip


def test_an_address_has_one_place_in_a_company_and_may_have_others_elsewhere(acts: Acts, cast: Cast) -> None:
    taken = {"name": "Petra again", "email": "PETRA@acme.example"}
    with acts.nothing_changes():
        refused = problems_of(lambda: invite(acts, cast.ada, cast.customers["acme"], taken))
        assert refused == [("ALREADY_USER", ("email",))]
    assert invite(acts, cast.ada, cast.customers["globex"], taken).email == "PETRA@acme.example"
    assert invite(acts, cast.mallory, cast.customers["initech"], taken).email_key == "petra@acme.example"


def test_resending_mails_a_new_link_and_kills_the_old_one(acts: Acts, cast: Cast, now: datetime) -> None:
    member = invite(acts, cast.ada, cast.customers["acme"])
    later = now + timedelta(hours=1)
    acts(cast.carl, customer_users.resend_invite, membership_id=member.id, now=later)
    invites = acts.read(cast.ada, select(Invite).order_by(col(Invite.id)))
    assert [(invite.revoked_at, invite.expires_at) for invite in invites] == [
        (later, now + timedelta(hours=72)), (None, later + timedelta(hours=72)),
    ]  # fmt: skip
    subjects = acts.read(cast.ada, select(Mail.subject_id).order_by(col(Mail.id)))
    assert subjects == [invite.id for invite in invites]
    assert acts.count("procrastinate_jobs") == 2


def test_revoking_kills_the_link_and_keeps_the_user(acts: Acts, cast: Cast) -> None:
    member = invite(acts, cast.ada, cast.customers["acme"])
    revoked = acts(cast.carl, customer_users.revoke_invite, membership_id=member.id)
    assert (revoked.status, open_invites(acts, cast)) == (MembershipStatus.INVITED, 0)
    with acts.nothing_changes():
        acts(cast.carl, customer_users.revoke_invite, membership_id=member.id)
    acts(cast.carl, customer_users.resend_invite, membership_id=member.id)
    assert open_invites(acts, cast) == 1


def test_who_accepted_is_not_invited_again(acts: Acts, cast: Cast) -> None:
    for rule in (customer_users.resend_invite, customer_users.revoke_invite):
        with acts.nothing_changes(), pytest.raises(NothingToInvite):
            acts(cast.ada, rule, membership_id=cast.petra.id)


def test_a_person_is_invited_five_times_a_day_and_no_more(acts: Acts, cast: Cast, now: datetime) -> None:
    member = invite(acts, cast.ada, cast.customers["acme"])
    for minute in range(4):
        at = now + timedelta(minutes=minute)
        acts(cast.ada, customer_users.resend_invite, membership_id=member.id, now=at)
    with acts.nothing_changes(), pytest.raises(TooMany):
        acts(cast.ada, customer_users.resend_invite, membership_id=member.id)
    tomorrow = now + timedelta(hours=24)
    acts(cast.ada, customer_users.resend_invite, membership_id=member.id, now=tomorrow)


def test_a_role_changes_and_an_open_invite_with_it(acts: Acts, cast: Cast) -> None:
    acts(cast.carl, customer_users.change_role, membership_id=cast.vera.id, role="manager")
    assert (acts.count("invite"), acts.count("mail")) == (0, 0)
    member = invite(acts, cast.ada, cast.customers["acme"])
    changed = acts(cast.carl, customer_users.change_role, membership_id=member.id, role="VIEWER")
    assert changed.role is Role.VIEWER
    assert (acts.count("invite"), open_invites(acts, cast), acts.count("mail")) == (2, 1, 2)


def test_a_disabled_user_comes_back(acts: Acts, cast: Cast) -> None:
    off = acts(cast.carl, customer_users.disable, membership_id=cast.petra.id)
    assert off.status is MembershipStatus.DISABLED
    assert (
        acts(cast.ada, customer_users.enable, membership_id=cast.petra.id).status is MembershipStatus.ACTIVE
    )
    with acts.nothing_changes(), pytest.raises(NotDisabled):
        acts(cast.ada, customer_users.enable, membership_id=cast.petra.id)


def test_a_removed_user_is_no_longer_searched_and_may_come_again(acts: Acts, cast: Cast) -> None:
    acme = cast.customers["acme"]
    member = invite(acts, cast.ada, acme)
    gone = acts(cast.carl, customer_users.remove, membership_id=member.id)
    assert (gone.status, open_invites(acts, cast)) == (MembershipStatus.REMOVED, 0)
    assert not words(acts, cast, acme) & {"ann", "rockets"}
    assert invite(acts, cast.carl, acme).id != member.id


@pytest.mark.parametrize("who", ["ada", "carl"])
def test_the_last_manager_stays(acts: Acts, cast: Cast, who: str) -> None:
    actor, carl = cast.actors[who], cast.carl.id
    with acts.nothing_changes():
        for rule, what in (
            (customer_users.disable, {}), (customer_users.remove, {}),
            (customer_users.change_role, {"role": "PAYER"}),
        ):  # fmt: skip
            with pytest.raises(LastOne):
                acts(actor, rule, membership_id=carl, **what)
    acts(cast.ada, customer_users.change_role, membership_id=cast.petra.id, role="MANAGER")
    acts(actor, customer_users.remove, membership_id=carl)


def test_a_customer_is_never_left_without_anybody(acts: Acts, cast: Cast, owner: Connection) -> None:
    customer_id = in_setup(acts, cast)
    only = invite(acts, cast.ada, customer_id)
    acts(cast.ada, customer_users.revoke_invite, membership_id=only.id)
    with acts.nothing_changes(), pytest.raises(LastOne):
        acts(cast.ada, customer_users.remove, membership_id=only.id)
    empty = text(
        "select company from customer c where status = 'ACTIVE' and not exists (select from membership m "
        "where m.customer_id = c.id and m.status in ('INVITED', 'ACTIVE') and m.role = 'MANAGER')"
    )
    assert owner.scalars(empty).all() == []


def test_an_archived_customer_gets_nobody_and_its_own_users_do_nothing(acts: Acts, cast: Cast) -> None:
    acme = cast.customers["acme"]
    member = invite(acts, cast.ada, acme)
    acts(cast.ada, customer_users.disable, membership_id=cast.petra.id)
    acts(cast.ada, customers.archive, customer_id=acme)
    with acts.nothing_changes():
        for act in (
            lambda who: invite(acts, who, acme, BOB),
            lambda who: acts(who, customer_users.resend_invite, membership_id=member.id),
            lambda who: acts(who, customer_users.enable, membership_id=cast.petra.id),
        ):
            with pytest.raises(CustomerClosed):
                act(cast.ada)
            with pytest.raises(NotFound):
                act(cast.carl)
    assert acts(cast.ada, customer_users.remove, membership_id=member.id).status is MembershipStatus.REMOVED


def test_partner_staff_are_no_users_of_a_customer(acts: Acts, cast: Cast) -> None:
    with acts.nothing_changes():
        for who in (cast.ada, cast.clem, cast.northwind_key):
            for rule, what in RULES_ON_A_USER:
                with pytest.raises(NotFound):
                    acts(who, rule, membership_id=cast.rita.id, **what)


@pytest.mark.parametrize("who", ["rita", "petra", "vera"])
def test_who_does_not_manage_users_changes_none(acts: Acts, cast: Cast, who: str) -> None:
    with acts.nothing_changes():
        for rule, what in RULES_ON_A_USER:
            for target in (cast.vera, cast.carl, cast.gus):
                with pytest.raises(MissingRight):
                    acts(cast.actors[who], rule, membership_id=target.id, **what)


def test_nobody_promotes_itself(acts: Acts, cast: Cast) -> None:
    for who in (cast.petra, cast.vera):
        with acts.nothing_changes(), pytest.raises(MissingRight):
            acts(who, customer_users.change_role, membership_id=who.id, role="MANAGER")


RULES_ON_A_USER: list[tuple[Any, dict[str, str]]] = [
    (customer_users.resend_invite, {}), (customer_users.revoke_invite, {}),
    (customer_users.change_role, {"role": "VIEWER"}), (customer_users.disable, {}),
    (customer_users.enable, {}), (customer_users.remove, {}),
]  # fmt: skip


@pytest.mark.parametrize("field", ["status", "user_id", "partnerId", "customer_id", "roles", "id"])
def test_a_users_place_cannot_be_typed(field: str) -> None:
    assert problems_of(lambda: UserInput.read({**ANN, field: "x"})) == [("UNKNOWN_FIELD", (field,))]
