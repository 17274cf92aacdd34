"""A-5: who may add whom, and what is refused at which field."""

from datetime import datetime

import pytest
from sqlalchemy import Connection, text

from auth.actors import KEY_SCOPES, RIGHTS, Action, Actor, MissingRight, system
from auth.authority import AboveOwnRole, require_place
from auth.companies import CustomerClosed
from auth.memberships import CUSTOMER_ROLES, STAFF_ROLES, Role
from db.session import Database
from errors import Forbidden, Invalid, NotFound
from tests.auth.steps import look, token_of_invite
from tests.auth.team_steps import add, change, strike
from tests.cast import Cast
from tests.world import nothing_changes


def test_staff_add_a_customers_user(database: Database, owner: Connection, cast: Cast, now: datetime) -> None:
    acme = cast.customers["acme"]
    membership, issued = add(
        database,
        cast.clem,
        now,
        customer_id=acme,
        name="  Nía\t Öz ",
        email="Nia@Acme.Example",
        role=Role.VIEWER,
    )
    row = owner.execute(text("select * from membership where id = :id"), {"id": membership.id}).one()
    assert (row.partner_id, row.customer_id, row.user_id) == (cast.clem.partner_id, acme, None)
    assert (row.name, row.name_key) == ("Nía Öz", "nía öz")
    assert (row.email, row.email_key) == ("Nia@Acme.Example", "nia@acme.example")
    assert (row.role, row.status, row.removed_at) == ("VIEWER", "INVITED", None)
    assert (row.created_at, row.updated_at) == (now, now)
    event = owner.execute(text("select * from audit_event")).one()
    assert (event.action, event.actor_id, event.actor_name) == ("user.invited", cast.clem.id, "Clem")
    assert (event.subject_id, event.customer_id, event.details) == (membership.id, acme, {"role": "VIEWER"})
    assert look(database, token_of_invite(database, issued), now).name == "Nía Öz"


def test_a_customers_first_user_is_a_manager_and_later_ones_are_payers(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    globex = cast.customers["globex"]
    owner.execute(text("update membership set status = 'REMOVED' where name = 'Gus'"))
    first = add(database, cast.ada, now, customer_id=globex, email="a@globex.example")
    second = add(database, cast.ada, now, customer_id=globex, email="b@globex.example")
    assert [first.membership.role, second.membership.role] == [Role.MANAGER, Role.PAYER]
    acme = add(database, cast.ada, now, customer_id=cast.customers["acme"], email="c@acme.example")
    assert acme.membership.role is Role.PAYER


def test_a_user_of_the_api_adds_customer_users_only(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    acme = cast.customers["acme"]
    assert add(database, cast.northwind_key, now, customer_id=acme, role=Role.MANAGER).membership.id
    with nothing_changes(owner), pytest.raises(MissingRight):
        add(database, cast.northwind_key, now, role=Role.READ_ONLY)
    reader = Actor(
        kind=cast.northwind_key.kind, partner_id=cast.northwind_key.partner_id, id=cast.northwind_key.id,
        scopes=frozenset(action.value for action in KEY_SCOPES - {Action.MANAGE_USERS}),
    )  # fmt: skip
    with nothing_changes(owner), pytest.raises(MissingRight, match="users:write"):
        add(database, reader, now, customer_id=acme, email="other@acme.example")


def test_the_system_invites_a_partners_first_admin(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    actor = system(cast.partners["contoso"])
    added = add(database, actor, now, role=Role.ADMIN, email="first@contoso.example")
    assert added.membership.role is Role.ADMIN
    assert added.invite.created_by is None


MAY_ADD = {
    None: {"ada": STAFF_ROLES},
    "acme": {
        "ada": CUSTOMER_ROLES,
        "sue": CUSTOMER_ROLES,
        "clem": CUSTOMER_ROLES,
        "northwind_key": CUSTOMER_ROLES,
        "carl": CUSTOMER_ROLES,
    },
}
EVERYBODY = (
    "ada", "sue", "clem", "rita", "carl", "petra", "vera", "gus", "northwind_key", "mallory", "ines",
    "contoso_key",
)  # fmt: skip


@pytest.mark.parametrize("person", EVERYBODY)
@pytest.mark.parametrize("place", [None, "acme"])
def test_who_may_give_which_role(
    database: Database, owner: Connection, cast: Cast, person: str, place: str | None, now: datetime
) -> None:
    """A-5: every actor, every role, at the partner and at Acme."""
    actor = getattr(cast, person)
    customer_id = cast.customers[place] if place else None
    for number, role in enumerate(Role):
        email = f"{number}@new.example"
        allowed = role in MAY_ADD[place].get(person, ())
        # Mallory may add staff, and does: her own, at Contoso.
        if person == "mallory" and place is None and role in STAFF_ROLES:
            allowed = True
        if allowed:
            assert (
                add(database, actor, now, customer_id=customer_id, role=role, email=email).membership.role
                == role
            )
            continue
        with nothing_changes(owner), pytest.raises((Forbidden, NotFound, Invalid)):
            add(database, actor, now, customer_id=customer_id, role=role, email=email)
    of_contoso = owner.execute(
        text("select count(*) from membership where partner_id <> :own and status = 'INVITED'"),
        {"own": actor.partner_id},
    ).scalar_one()
    assert of_contoso == 0


def test_a_role_of_the_other_world_is_refused_at_its_field(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    for customer_id, role, told in (
        (None, Role.MANAGER, "Choose Admin"),
        (cast.customers["acme"], Role.ADMIN, "Choose Manager"),
    ):
        with nothing_changes(owner), pytest.raises(Invalid, match=told) as refusal:
            add(database, cast.ada, now, customer_id=customer_id, role=role, path=("users", 3))
        (problem,) = refusal.value.problems
        assert (problem.code, problem.path) == ("UNKNOWN_ROLE", ("users", 3, "role"))
    with nothing_changes(owner), pytest.raises(Invalid) as refusal:
        add(database, cast.ada, now, role=None)
    assert [tuple(problem[:2]) for problem in refusal.value.problems] == [("REQUIRED", ("role",))]


@pytest.mark.parametrize(
    ("name", "code"),
    [("", "REQUIRED"), (" \t ", "REQUIRED"), ("x" * 101, "TOO_LONG"), ("Ni\x00a", "BAD_CHARACTERS"),
     ("Ni\ud800a", "BAD_CHARACTERS")],
)  # fmt: skip
def test_a_name_that_cannot_be_kept_is_refused_at_its_field(
    database: Database, owner: Connection, cast: Cast, name: str, code: str, now: datetime
) -> None:
    acme = cast.customers["acme"]
    with nothing_changes(owner), pytest.raises(Invalid) as refusal:
        add(database, cast.ada, now, customer_id=acme, name=name, path=("users", 0))
    assert [tuple(problem[:2]) for problem in refusal.value.problems] == [(code, ("users", 0, "name"))]
    assert add(database, cast.ada, now, customer_id=acme, name="x" * 100).membership.name == "x" * 100


def test_an_address_has_one_live_place_per_company(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    acme = cast.customers["acme"]
    with nothing_changes(owner), pytest.raises(Invalid) as refusal:
        add(database, cast.ada, now, customer_id=acme, email="PETRA@acme.example", path=("users", 1))
    (problem,) = refusal.value.problems
    assert (problem.code, problem.path) == ("ALREADY_USER", ("users", 1, "email"))
    with nothing_changes(owner), pytest.raises(Invalid):
        add(database, cast.ada, now, email=cast.emails["sue"], role=Role.MEMBER)
    # Elsewhere the same address is somebody new, and so it is here once it was removed.
    assert add(database, cast.ada, now, customer_id=cast.customers["globex"], email=cast.emails["petra"])
    strike(database, cast.ada, "remove", cast.petra, now)
    again = add(database, cast.ada, now, customer_id=acme, email=cast.emails["petra"])
    assert again.membership.id != cast.petra.id


def test_nobody_is_added_to_an_archived_or_foreign_customer(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    archived = "update customer set status = 'ARCHIVED', archived_at = now() where company = 'Acme'"
    owner.execute(text(archived))
    for customer, refusal in (("acme", CustomerClosed), ("initech", NotFound)):
        with nothing_changes(owner), pytest.raises(refusal):
            add(database, cast.ada, now, customer_id=cast.customers[customer])
    owner.execute(text("update customer set status = 'SETUP', archived_at = null where company = 'Acme'"))
    assert add(database, cast.ada, now, customer_id=cast.customers["acme"])


def test_staff_give_staff_no_more_than_they_have(
    database: Database, owner: Connection, cast: Cast, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    """Only admins manage the team today; this holds for the next role that does."""
    monkeypatch.setitem(RIGHTS, Role.MEMBER, RIGHTS[Role.MEMBER] | {Action.MANAGE_TEAM})
    assert add(database, cast.clem, now, role=Role.READ_ONLY)
    assert add(database, cast.clem, now, customer_id=cast.customers["acme"], role=Role.MANAGER)
    with nothing_changes(owner):
        for act in (
            lambda: add(database, cast.clem, now, role=Role.ADMIN, email="a@n.example"),
            lambda: change(database, cast.clem, cast.rita, Role.SUB_ADMIN, now),
            lambda: strike(database, cast.clem, "disable", cast.sue, now),
        ):
            with pytest.raises(AboveOwnRole):
                act()


def test_nobody_gives_away_more_than_they_have(
    database: Database, owner: Connection, cast: Cast, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    """No role of today that manages users stands below another; this holds for the next one that does."""
    monkeypatch.setitem(RIGHTS, Role.PAYER, RIGHTS[Role.PAYER] | {Action.MANAGE_USERS})
    acme = cast.customers["acme"]
    nia = add(database, cast.petra, now, customer_id=acme, role=Role.PAYER).membership
    change(database, cast.petra, nia.id, Role.VIEWER, now)
    with nothing_changes(owner):
        for act in (
            lambda: add(database, cast.petra, now, customer_id=acme, role=Role.MANAGER, email="m@a.example"),
            lambda: change(database, cast.petra, cast.petra, Role.MANAGER, now),
            lambda: change(database, cast.petra, nia.id, Role.MANAGER, now),
            lambda: change(database, cast.petra, cast.carl, Role.VIEWER, now),
            lambda: strike(database, cast.petra, "disable", cast.carl, now),
            lambda: strike(database, cast.petra, "remove", cast.carl, now),
        ):
            with pytest.raises(AboveOwnRole):
                act()


def test_whoever_manages_nobody_gives_not_even_their_own_role(cast: Cast) -> None:
    """By the check itself: a rule that looks at the record afterwards would refuse it once more."""
    for actor, customer_id, refusal in (
        (cast.petra, cast.customers["acme"], MissingRight),
        (cast.clem, None, MissingRight),
        (cast.carl, cast.customers["globex"], NotFound),
    ):
        assert actor.role is not None
        with pytest.raises(refusal):
            require_place(actor, customer_id=customer_id, path=(), role=actor.role)
