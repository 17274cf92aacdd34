"""A-6: the role x action table, the same in code, in docs/roles.md and in what actors may.

docs/roles.md is written by hand: it is the promise, and every cell of the code is held against it.
"""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from auth.actors import KEY_SCOPES, READS, RIGHTS, Action, Actor, ActorKind, MissingRight, ViewOnly, system
from auth.memberships import CUSTOMER_ROLES, STAFF_ROLES, Role

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "roles.md"
TITLES = {
    "Admin": Role.ADMIN, "Sub-admin": Role.SUB_ADMIN, "Member": Role.MEMBER, "Read-only": Role.READ_ONLY,
    "Manager": Role.MANAGER, "Payer": Role.PAYER, "Viewer": Role.VIEWER, "API key": None,
}  # fmt: skip
PARTNER = uuid4()


def promised() -> dict[tuple[Action, Role | None], bool]:
    """Every cell of the document's table; "API key" says whether a key can have the scope."""
    lines = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("|")]
    heads = [cell.strip() for cell in lines[0].strip("|").split("|")]
    assert heads[:2] == ["to", "scope"]
    cells = {}
    for line in lines[2:]:
        _, scope, *marks = (cell.strip() for cell in line.strip("|").split("|"))
        for title, mark in zip(heads[2:], marks, strict=True):
            assert mark in ("yes", "–"), line
            cells[Action(scope.strip("`")), TITLES[title]] = mark == "yes"
    return cells


def actor_of(role: Role | None) -> Actor:
    if role is None:
        every = frozenset(action.value for action in Action)
        return Actor(kind=ActorKind.API_KEY, partner_id=PARTNER, id=uuid4(), scopes=every)
    if role in STAFF_ROLES:
        return Actor(kind=ActorKind.STAFF, partner_id=PARTNER, id=uuid4(), role=role)
    return Actor(kind=ActorKind.CUSTOMER_USER, partner_id=PARTNER, id=uuid4(), customer_id=uuid4(), role=role)


def test_the_document_has_a_cell_for_every_role_and_action() -> None:
    assert promised().keys() == {(action, role) for action in Action for role in (*Role, None)}
    assert len(promised()) == 25 * 8
    assert RIGHTS.keys() == set(Role)


@pytest.mark.parametrize("action", sorted(Action))
@pytest.mark.parametrize("title", TITLES)
def test_an_actor_may_what_the_document_says(title: str, action: Action) -> None:
    actor, may = actor_of(TITLES[title]), promised()[action, TITLES[title]]
    assert actor.may(action) is may
    if may:
        actor.require(action)
        return
    with pytest.raises(MissingRight) as refusal:
        actor.require(action)
    assert refusal.value.scope == action.value
    assert (action.value in str(refusal.value)) is (title == "API key")


def test_a_key_without_a_scope_may_not(  # the other half of the key's column
) -> None:
    for action in Action:
        others = frozenset(other.value for other in Action) - {action.value}
        key = Actor(kind=ActorKind.API_KEY, partner_id=PARTNER, id=uuid4(), scopes=others)
        assert {other for other in Action if key.may(other)} == KEY_SCOPES - {action}


def test_a_portal_token_may_what_a_payer_may() -> None:
    token = Actor(
        kind=ActorKind.PORTAL_TOKEN, partner_id=PARTNER, customer_id=uuid4(), role=Role.PAYER,
        scopes=frozenset(action.value for action in Action),
    )  # fmt: skip
    assert {action for action in Action if token.may(action)} == RIGHTS[Role.PAYER]


def test_the_system_may_everything_and_nobody_nothing() -> None:
    assert all(system(PARTNER).may(action) for action in Action)
    nobody = Actor(kind=ActorKind.STAFF, partner_id=PARTNER)
    assert not any(nobody.may(action) for action in Action)


def test_the_roles_of_the_two_worlds_are_apart() -> None:
    assert set(Role) == STAFF_ROLES | CUSTOMER_ROLES
    assert not STAFF_ROLES & CUSTOMER_ROLES
    for role in Role:
        assert actor_of(role).is_staff_side is (role in STAFF_ROLES)
    assert actor_of(None).is_staff_side


@pytest.mark.parametrize("role", Role)
def test_whoever_looks_at_a_portal_reads_what_the_role_reads_and_changes_nothing(role: Role) -> None:
    looks = Actor(ActorKind.IMPERSONATION, PARTNER, id=uuid4(), customer_id=uuid4(), role=role)
    for action in Action:
        assert looks.may(action) is (action in READS and action in RIGHTS[role])
        refusal = ViewOnly if action not in READS else None if looks.may(action) else MissingRight
        if refusal is None:
            looks.require(action)
        else:
            with pytest.raises(refusal):
                looks.require(action)
    with pytest.raises(ViewOnly):
        looks.require_writer()


def test_everybody_else_may_write_as_far_as_the_role_goes() -> None:
    for actor in (*map(actor_of, Role), actor_of(None), system(PARTNER)):
        actor.require_writer()


def test_only_people_have_what_is_theirs_alone() -> None:
    for role in Role:
        actor = actor_of(role)
        assert actor.member_id == actor.id
        for kind in (ActorKind.PORTAL_TOKEN, ActorKind.IMPERSONATION):
            assert replace(actor, kind=kind).member_id is None
    for other in (actor_of(None), system(PARTNER)):
        assert other.member_id is None
