"""C-2 and the other races: many at once on a real database, exactly one winner."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from auth import memberships, resets
from auth.actors import Actor
from auth.authority import NoLongerHere
from auth.emails import parse_email
from auth.memberships import LastOne, Role
from auth.tokens import DeadLink
from auth.users import AccountExists
from db.engine import make_engine
from db.session import Database
from errors import Invalid, Refusal
from tests.auth import steps
from tests.auth.steps import accept, accept_as, invite
from tests.cast import Cast
from tests.conftest import SECRET
from tests.figures import rounds
from worker.queue import defer_job

CROWD = rounds(10, 50)


@pytest.fixture
def crowded(database_url: str) -> Iterator[Database]:
    """The database with a connection for each of the crowd."""
    database = Database(make_engine(database_url, pool_size=CROWD), defer_job, secret=SECRET)
    yield database
    database.close()


@pytest.fixture
def crowd() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(CROWD) as threads:
        yield threads


def all_at_once(crowd: ThreadPoolExecutor, acts: Sequence[Callable[[], object]]) -> Counter[str]:
    """How often each outcome came: "won", or the refusal's class."""
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> str:
        start.wait(60)
        try:
            act()
        except Refusal as refusal:
            return type(refusal).__name__
        return "won"

    return Counter(crowd.map(run, acts))


def strike(database: Database, act: str, actor: Actor, membership_id: UUID | None, now: datetime) -> None:
    """Remove, disable or demote somebody."""
    assert membership_id is not None
    with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
        if act == "demote":
            role = Role.VIEWER if actor.customer_id else Role.MEMBER
            memberships.change_role(db, actor, membership_id=membership_id, role=role, now=now)
        else:
            {"remove": memberships.remove, "disable": memberships.disable}[act](
                db, actor, membership_id=membership_id, now=now
            )


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_of_fifty_acceptances_exactly_one_wins(
    crowded: Database, crowd: ThreadPoolExecutor, owner: Connection, cast: Cast, now: datetime
) -> None:
    figure = rounds(10, 200)
    for number in range(figure):
        nia = invite(
            crowded, cast.ada, customer_id=cast.customers["acme"], email=f"nia{number}@acme.example", now=now
        )
        outcome = all_at_once(crowd, [partial(accept, crowded, nia.token, now)] * CROWD)
        assert outcome == {"won": 1, DeadLink.__name__: CROWD - 1}
        now += timedelta(seconds=1)
    counts = owner.execute(
        text(
            "select count(distinct p.id), count(distinct m.id), count(distinct s.id) from person p "
            "join membership m on m.user_id = p.id join session s on s.user_id = p.id "
            "where p.email_key like 'nia%'"
        )
    ).one()
    assert tuple(counts) == (figure, figure, figure)


@pytest.mark.prove
def test_of_many_acceptances_by_a_signed_in_person_exactly_one_wins(
    crowded: Database, crowd: ThreadPoolExecutor, owner: Connection, cast: Cast, now: datetime
) -> None:
    for number in range(rounds(3, 20)):
        customer_id = cast.customers["globex"]
        gus = invite(crowded, cast.ada, customer_id=customer_id, email=cast.emails["carl"], now=now)
        acts = [partial(accept_as, crowded, gus.token, cast.carl.user_id, now)] * CROWD
        assert all_at_once(crowd, acts) == {"won": 1, DeadLink.__name__: CROWD - 1}
        with crowded.transaction(partner_id=cast.ada.partner_id) as db:
            memberships.remove(db, cast.ada, membership_id=gus.membership_id, now=now)
        now += timedelta(hours=24)
        assert owner.execute(text("select count(*) from invite")).scalar_one() == number + 1


@pytest.mark.prove
def test_two_invites_accepted_at_once_make_one_account(
    crowded: Database, crowd: ThreadPoolExecutor, owner: Connection, cast: Cast, now: datetime
) -> None:
    for number in range(rounds(5, 50)):
        email = f"nia{number}@acme.example"
        places = ((cast.ada, "acme"), (cast.ada, "globex"), (cast.mallory, "initech"))
        tokens = [
            invite(crowded, actor, customer_id=cast.customers[place], email=email, now=now).token
            for actor, place in places
        ]
        outcome = all_at_once(crowd, [partial(accept, crowded, token, now) for token in tokens])
        assert outcome == {"won": 1, AccountExists.__name__: 2}
        active = owner.execute(
            text("select count(*) from membership where email_key = :key and status = 'ACTIVE'"),
            {"key": email},
        ).scalar_one()
        assert active == 1
        now += timedelta(seconds=1)


@pytest.mark.prove
def test_accepting_and_revoking_at_once_has_one_outcome(
    crowded: Database, crowd: ThreadPoolExecutor, owner: Connection, cast: Cast, now: datetime
) -> None:
    seen: Counter[str] = Counter()
    for number in range(rounds(10, 100)):
        email = f"nia{number}@acme.example"
        nia = invite(crowded, cast.ada, customer_id=cast.customers["acme"], email=email, now=now)

        acts = [
            partial(accept, crowded, nia.token, now),
            partial(strike, crowded, "remove", cast.ada, nia.membership_id, now),
        ]
        outcome = all_at_once(crowd, acts)
        assert outcome["won"] in (1, 2)
        row = owner.execute(
            text(
                "select m.status, m.user_id, i.accepted_at, i.revoked_at from membership m "
                "join invite i on i.membership_id = m.id where m.id = :id"
            ),
            {"id": nia.membership_id},
        ).one()
        assert row.status == "REMOVED"
        # Either accepted and then removed, or removed and then dead: never half of each.
        assert (row.user_id is None) == (row.accepted_at is None) == (row.revoked_at is not None)
        assert (row.user_id is None) == (outcome[DeadLink.__name__] == 1)
        seen["accepted first" if row.user_id else "removed first"] += 1
    assert sum(seen.values()) == rounds(10, 100)


@pytest.mark.prove
def test_one_address_is_added_once(
    crowded: Database, crowd: ThreadPoolExecutor, owner: Connection, cast: Cast, now: datetime
) -> None:
    for number in range(rounds(3, 30)):

        def add(email: str = f"nia{number}@acme.example") -> None:
            with crowded.transaction(partner_id=cast.ada.partner_id) as db:
                acme = cast.customers["acme"]
                memberships.add(db, cast.ada, customer_id=acme, name="Nia", email=parse_email(email), now=now)

        assert all_at_once(crowd, [add] * CROWD) == {"won": 1, Invalid.__name__: CROWD - 1}
    assert owner.execute(text("select count(*) from invite")).scalar_one() == rounds(3, 30)


@pytest.mark.prove
@pytest.mark.parametrize("shift", [0, 1], ids=["itself", "the next one"])
@pytest.mark.parametrize("act", ["remove", "demote", "disable"])
@pytest.mark.parametrize("place", [None, "acme"], ids=["admins", "managers"])
def test_the_last_head_stays_whoever_removes_whom(
    crowded: Database,
    crowd: ThreadPoolExecutor,
    owner: Connection,
    cast: Cast,
    act: str,
    place: str | None,
    shift: int,
    now: datetime,
) -> None:
    """Four heads remove, demote or disable themselves, or each other in a ring, at the same time."""
    heads = [cast.carl if place else cast.ada]
    for number in range(rounds(3, 25)):
        while len(heads) < 4:
            heads.append(another_head(crowded, heads[0], f"h{number}x{len(heads)}@n.example", now))
        outcome = all_at_once(
            crowd,
            [partial(strike, crowded, act, heads[n], heads[(n + shift) % 4].id, now) for n in range(4)],
        )
        ids = owner.scalars(
            text(
                "select id from membership where partner_id = :partner and role = :role "
                "and customer_id is not distinct from :customer and status = 'ACTIVE'"
            ),
            {"partner": heads[0].partner_id, "role": heads[0].role, "customer": heads[0].customer_id},
        ).all()
        assert len(ids) == 4 - outcome["won"] >= 1
        if shift == 0:
            assert outcome == {"won": 3, LastOne.__name__: 1}
        else:
            # Whoever was struck before its own turn is refused: who is gone removes nobody.
            assert set(outcome) == {"won", NoLongerHere.__name__}
        heads = [head for head in heads if head.id in ids]
        now += timedelta(seconds=1)


def another_head(database: Database, like: Actor, email: str, now: datetime) -> Actor:
    """A further admin or manager, invited by one."""
    one = invite(database, like, customer_id=like.customer_id, email=email, role=like.role, now=now)
    accepted = accept(database, one.token, now)
    return replace(like, id=accepted.membership_id, name=email)


@pytest.mark.prove
def test_of_many_resets_with_one_link_exactly_one_wins(
    crowded: Database, crowd: ThreadPoolExecutor, owner: Connection, cast: Cast, now: datetime
) -> None:
    for _ in range(rounds(5, 50)):
        token = steps.ask_for_reset(crowded, owner, cast.emails["petra"], now)
        assert token is not None
        acts = [partial(steps.finish_reset, crowded, token, now)] * CROWD
        assert all_at_once(crowd, acts) == {"won": 1, DeadLink.__name__: CROWD - 1}
        now += timedelta(hours=1)
    changed = text("select count(*) from personal_event where action = 'password.reset'")
    assert owner.execute(changed).scalar_one() == rounds(5, 50)


@pytest.mark.prove
def test_asking_for_resets_at_once_leaves_one_live_link(
    crowded: Database, crowd: ThreadPoolExecutor, owner: Connection, cast: Cast, now: datetime
) -> None:
    def ask(n: int, now: datetime) -> None:
        with crowded.transaction() as db:
            resets.begin(db, email=cast.emails["petra"], address=f"192.0.2.{n}", agent="", now=now)

    for _ in range(rounds(3, 30)):
        outcome = all_at_once(crowd, [partial(ask, n, now) for n in range(10)])
        assert outcome == {"won": 5, "TooMany": 5}
        live = text("select count(*) from personal_token where used_at is null and expires_at > :now")
        assert owner.execute(live, {"now": now}).scalar_one() == 1
        now += timedelta(hours=1)
