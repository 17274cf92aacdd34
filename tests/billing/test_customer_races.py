"""Many at once: unique is unique, the last Manager stays, and a crash leaves nothing (C-8)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlmodel import select

from auth.companies import CustomerClosed
from auth.memberships import LastOne, Membership
from billing import customer_users, customers, tag_merging, tags
from billing.customer_fields import CustomerInput, UserInput
from billing.customers import AlreadySetUp, Saved
from billing.tags import Tag, TagInput
from db.session import Database
from errors import Conflict, NotFound
from tests.billing.acting import ACME, ANN, BOB, Acts, acting, at_once, codes
from tests.cast import Cast
from tests.figures import rounds
from tests.world import difference, world

CROWD = 50
RACES = rounds(5, 100)
pytestmark = pytest.mark.prove


@pytest.mark.parametrize("who", ["ada", "carl"])
def test_of_fifty_tags_of_one_name_one_is_made(crowd: Acts, cast: Cast, who: str) -> None:
    for race in range(RACES):
        names = [f"race {race}", f"RACE {race}", f"Ｒace  {race}"]

        def make(number: int, names: list[str] = names) -> Tag:
            label = TagInput(name=names[number % 3], colour="#1f6feb")
            return crowd(cast.actors[who], tags.create, fields=label)

        assert codes(at_once(CROWD, make)) == {"Tag": 1, "TAKEN": CROWD - 1}
    assert crowd.count("tag") == RACES


def test_of_fifty_users_of_one_address_one_is_invited(crowd: Acts, cast: Cast) -> None:
    for race in range(RACES):

        def invite(number: int, race: int = race) -> Membership:
            who = cast.carl if number % 2 else cast.ada
            acme = cast.customers["acme"]
            return crowd(who, customer_users.invite, customer_id=acme, name="Ann", email=f"a{race}@x.example")

        assert codes(at_once(CROWD, invite)) == {"Membership": 1, "ALREADY_USER": CROWD - 1}
    assert [crowd.count(table) for table in ("invite", "mail", "procrastinate_jobs")] == [RACES] * 3


def test_of_fifty_customers_of_one_external_id_one_is_made(crowd: Acts, cast: Cast) -> None:
    before = crowd.count("customer")
    for race in range(RACES):
        fields = CustomerInput.read({**ACME, "external_id": f"QB-{race}"})

        def make(number: int, fields: CustomerInput = fields) -> Saved:
            return crowd(cast.ada, customers.create, fields=fields)

        assert codes(at_once(CROWD, make)) == {"Saved": 1, "EXTERNAL_ID_TAKEN": CROWD - 1}
    assert crowd.count("customer") == before + RACES


def test_of_fifty_second_steps_one_is_taken(crowd: Acts, cast: Cast) -> None:
    for race in range(RACES):
        made = crowd(cast.ada, customers.create, fields=CustomerInput.read(ACME)).customer.id

        def finish(number: int, made: Any = made, race: int = race) -> Saved:
            users = [UserInput(name="Ann", email=f"a{race}.{number}@x.example")]
            return crowd(cast.clem, customers.finish_setup, customer_id=made, users=users)

        assert codes(at_once(CROWD, finish)) == {"Saved": 1, AlreadySetUp.__name__: CROWD - 1}
    assert [crowd.count(table) for table in ("invite", "mail", "procrastinate_jobs")] == [RACES] * 3


def test_of_fifty_changes_of_one_version_one_is_written(crowd: Acts, cast: Cast) -> None:
    acme = cast.customers["acme"]
    for version in range(1, RACES + 1):

        def change(number: int, version: int = version) -> Saved:
            fields = CustomerInput(city=f"City {version} {number}")
            return crowd(cast.ada, customers.update, customer_id=acme, fields=fields, version=version)

        assert codes(at_once(CROWD, change)) == {"Saved": 1, Conflict.__name__: CROWD - 1}


def test_managers_who_remove_each_other_leave_one(crowd: Acts, cast: Cast, owner: Connection) -> None:
    acme = cast.customers["acme"]
    people = [cast.carl, cast.petra, cast.vera]
    for _ in range(RACES):
        owner.execute(
            text("update membership set status = 'ACTIVE', role = 'MANAGER', removed_at = null "
                 "where customer_id = :acme"), {"acme": acme},
        )  # fmt: skip
        verbs: list[tuple[Callable[..., object], dict[str, str]]] = [
            (customer_users.remove, {}), (customer_users.disable, {}),
            (customer_users.change_role, {"role": "VIEWER"}),
        ]  # fmt: skip

        def oust(number: int, verbs: Any = verbs) -> object:
            rule, what = verbs[number]
            return crowd(cast.ada, rule, membership_id=people[number].id, **what)

        assert codes(at_once(3, oust)) == {"Membership": 2, LastOne.__name__: 1}
        left = text("select count(*) from membership where customer_id = :acme and status = 'ACTIVE' "
                    "and role = 'MANAGER'")  # fmt: skip
        assert owner.scalar(left, {"acme": acme}) == 1


def test_an_archived_customer_never_keeps_a_live_invite(crowd: Acts, cast: Cast, owner: Connection) -> None:
    acme = cast.customers["acme"]
    live = text("select count(*) from invite where revoked_at is null")
    for race in range(RACES):

        def act(number: int, race: int = race) -> object:
            if number == 0:
                return crowd(cast.ada, customers.archive, customer_id=acme)
            email = f"a{race}.{number}@x.example"
            return crowd(cast.ada, customer_users.invite, customer_id=acme, name="Ann", email=email)

        seen = codes(at_once(4, act))
        assert seen["Customer"] == 1
        assert seen["Membership"] + seen[CustomerClosed.__name__] == 3
        assert owner.scalar(live) == 0
        crowd(cast.ada, customers.restore, customer_id=acme)


def test_deleting_and_using_a_tag_at_once_end_in_one_of_two_ways(crowd: Acts, cast: Cast) -> None:
    chosen = [cast.customers["acme"], cast.customers["globex"]]
    for race in range(RACES):
        label = TagInput(name=f"race {race}", colour="#1f6feb")
        tag = crowd(cast.ada, tags.create, fields=label).id

        def act(number: int, tag: Any = tag) -> object:
            if number == 0:
                return crowd(cast.ada, tags.delete, tag_id=tag)
            return crowd(
                cast.clem, tags.tag_customers, tag_ids=[tag], customer_ids=chosen[:: 1 - number % 2 * 2]
            )

        seen = codes(at_once(6, act))
        assert seen["TagUsage"] == 1
        assert seen["int"] + seen[NotFound.__name__] == 5
        assert crowd.count("customer_tag") == 0


def test_merging_two_tags_both_ways_and_using_them_at_once_loses_nothing(crowd: Acts, cast: Cast) -> None:
    chosen = [cast.customers["acme"], cast.customers["globex"]]
    for race in range(RACES):
        labels = [TagInput(name=f"race {race} {side}", colour="#1f6feb") for side in "ab"]
        one, two = (crowd(cast.ada, tags.create, fields=label).id for label in labels)

        def act(number: int, one: Any = one, two: Any = two) -> object:
            if number < 2:
                gone, stays = (one, two) if number else (two, one)
                return crowd(cast.ada, tag_merging.merge, tag_id=gone, into_id=stays)
            return crowd(cast.clem, tags.tag_customers, tag_ids=[one, two][: number - 1], customer_ids=chosen)

        seen = codes(at_once(4, act))
        assert seen["Merged"] == 1
        assert seen["Merged"] + seen["int"] + seen[NotFound.__name__] == 4
        # Whoever was before the merge is carried over; whoever came after found a tag gone.
        assert crowd.count("customer_tag") in (0, 2)
        (left,) = {one, two} & set(crowd.read(cast.ada, select(Tag.id)))
        crowd(cast.ada, tags.delete, tag_id=left)


class Crash(BaseException):
    """The process is gone."""


def crashing(database: Database, after: int) -> Callable[[], None]:
    """Break the connection's work before statement number `after`; the answer takes the fault away."""
    seen = 0

    def fail(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen > after:
            raise Crash

    event.listen(database.engine, "before_cursor_execute", fail)
    return lambda: event.remove(database.engine, "before_cursor_execute", fail)


CRASHES: dict[str, Callable[[Acts, Cast], tuple[Callable[..., object], dict[str, Any]]]] = {
    "create": lambda acts, cast: (
        customers.create,
        {"fields": CustomerInput.read(ACME), "users": [UserInput.read(ANN), UserInput.read(BOB)]},
    ),
    "finish_setup": lambda acts, cast: (
        customers.finish_setup,
        {
            "customer_id": acts(cast.ada, customers.create, fields=CustomerInput.read(ACME)).customer.id,
            "users": [UserInput.read(ANN)],
        },
    ),
    "invite": lambda acts, cast: (
        customer_users.invite, {"customer_id": cast.customers["acme"], **ANN},
    ),
    "remove": lambda acts, cast: (customer_users.remove, {"membership_id": cast.petra.id}),
    "archive": lambda acts, cast: (customers.archive, {"customer_id": cast.customers["acme"]}),
}  # fmt: skip


@pytest.mark.parametrize("name", CRASHES)
def test_a_crash_at_any_statement_leaves_nothing(
    acts: Acts, cast: Cast, owner: Connection, name: str
) -> None:
    rule, what = CRASHES[name](acts, cast)
    before = world(owner)
    for after in range(1000):
        heal = crashing(acts.database, after)
        try:
            acts(cast.ada, rule, **what)
        except Crash:
            assert difference(before, world(owner)) == {}, f"crash before statement {after + 1}"
        else:
            assert after >= 5
            assert difference(before, world(owner)) != {}
            return
        finally:
            heal()
    pytest.fail("the rule never ended")


def test_a_crash_after_the_last_statement_leaves_nothing(
    acts: Acts, cast: Cast, owner: Connection, now: datetime
) -> None:
    for name in CRASHES:
        rule, what = CRASHES[name](acts, cast)
        before = world(owner)
        with pytest.raises(Crash), acting(acts.database, cast.ada) as db:
            rule(db, cast.ada, now=now, **what)
            db.flush()
            raise Crash
        assert difference(before, world(owner)) == {}, name
