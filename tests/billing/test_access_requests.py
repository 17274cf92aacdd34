"""B-4, C: access by the partner's billing link: no address tells anything, staff decide once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text
from sqlmodel import Session

from auth.actors import Actor, MissingRight, system
from auth.memberships import Role
from auth.throttle import TooMany
from auth.tokens import DeadLink
from billing import access_requests, customers, erasing
from billing.access_requests import AccessStatus, AlreadyIn, AlreadyResolved
from db.session import Database
from errors import Invalid, NotFound, Refusal
from integrations.rounds import tidy_access_requests
from tests.auth import steps
from tests.billing.access_steps import ZOE, ask, asked, enter_address, mailed_link, request_row
from tests.cast import Cast
from tests.world import nothing_changes

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEGUN = ("access_link", "throttle_bucket", "procrastinate_jobs", "procrastinate_events")
Decide = Callable[[Session, Actor, UUID, UUID, datetime], object]


def approving(db: Session, actor: Actor, request_id: UUID, customer_id: UUID, now: datetime) -> object:
    return access_requests.approve(
        db, actor, request_id=request_id, customer_id=customer_id, role=None, now=now
    )


def denying(db: Session, actor: Actor, request_id: UUID, customer_id: UUID, now: datetime) -> object:
    return access_requests.deny(db, actor, request_id=request_id, now=now)


def decide(
    database: Database,
    actor: Actor,
    deed: Decide,
    request_id: UUID,
    cast: Cast,
    now: datetime,
    to: str = "acme",
) -> None:
    with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
        deed(db, actor, request_id, cast.customers[to], now)


def jobs(owner: Connection) -> list[tuple[str, list[str]]]:
    keys = "array(select jsonb_object_keys(args) order by 1)"
    rows = owner.execute(text(f"select task_name, {keys} from procrastinate_jobs order by id"))
    return [(name, keys) for name, keys in rows]


def test_zoe_asks_and_the_admins_are_told(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    request_id = asked(database, cast, now)
    row = request_row(owner, request_id)
    assert (row.status, row.name, row.email, row.company) == ("OPEN", "Zoe", ZOE, "Acme")
    assert row.expires_at == now + 30 * DAY
    told = owner.scalars(
        text(
            "select m.name from mail join membership m on m.id = mail.membership_id"
            " where kind = 'ACCESS_ASKED'"
        )
    ).all()
    assert sorted(told) == ["Ada", "Sue"]
    events = owner.execute(text("select actor_kind, action, subject_id from audit_event")).all()
    assert [tuple(event) for event in events] == [("SYSTEM", "access.asked", request_id)]


def test_an_approval_invites_her_to_the_customer(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    request_id = asked(database, cast, now)
    decide(database, cast.clem, approving, request_id, cast, now)
    row = request_row(owner, request_id)
    member = owner.execute(
        text("select customer_id, role, status, name from membership where id = :id"),
        {"id": row.membership_id},
    ).one()
    assert tuple(member) == (cast.customers["acme"], "PAYER", "INVITED", "Zoe")
    assert (row.status, row.resolved_at) == ("APPROVED", now)
    assert owner.scalar(text("select count(*) from mail where kind = 'INVITE'")) == 1


def test_the_first_user_of_a_customer_in_set_up_makes_it_active(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    request_id = asked(database, cast, now)
    owner.execute(
        text("update customer set status = 'SETUP' where id = :id"), {"id": cast.customers["globex"]}
    )
    owner.execute(text("delete from membership where customer_id = :id"), {"id": cast.customers["globex"]})
    decide(database, cast.ada, approving, request_id, cast, now, "globex")
    made = owner.execute(text("select role, customer_id from membership where email = :e"), {"e": ZOE}).one()
    assert tuple(made) == ("MANAGER", cast.customers["globex"])
    status = text("select status from customer where id = :id")
    assert owner.scalar(status, {"id": cast.customers["globex"]}) == "ACTIVE"


def test_a_denial_is_mailed(database: Database, owner: Connection, cast: Cast, now: datetime) -> None:
    request_id = asked(database, cast, now)
    decide(database, cast.ada, denying, request_id, cast, now)
    assert request_row(owner, request_id).status == "DENIED"
    assert jobs(owner)[-1] == ("send_access_denied", ["partner_id", "request_id"])


@pytest.mark.parametrize("first", [approving, denying])
@pytest.mark.parametrize("second", [approving, denying])
def test_what_is_resolved_is_resolved(
    database: Database, owner: Connection, cast: Cast, first: Decide, second: Decide, now: datetime
) -> None:
    request_id = asked(database, cast, now)
    decide(database, cast.ada, first, request_id, cast, now)
    with nothing_changes(owner), pytest.raises(AlreadyResolved):
        decide(database, cast.sue, second, request_id, cast, now)


def test_of_many_who_decide_at_once_one_does(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    request_id = asked(database, cast, now)

    def run(at: int) -> str:
        try:
            decide(database, cast.ada, approving if at % 2 else denying, request_id, cast, now)
        except Refusal as refusal:
            return type(refusal).__name__
        return "won"

    with ThreadPoolExecutor(8) as crowd:
        outcomes = sorted(crowd.map(run, range(8)))
    assert outcomes == ["AlreadyResolved"] * 7 + ["won"]
    decided = "select count(*) from audit_event where action in ('access.approved', 'access.denied')"
    assert owner.scalar(text(decided)) == 1


@pytest.mark.parametrize("deed", [approving, denying])
@pytest.mark.parametrize(
    ("who", "refusal"),
    [("rita", MissingRight), ("carl", MissingRight), ("petra", MissingRight), ("mallory", NotFound)],
)
def test_strangers_and_who_may_not_decide_nothing(
    database: Database,
    unguarded: Database,
    owner: Connection,
    cast: Cast,
    deed: Decide,
    who: str,
    refusal: type[Refusal],
    now: datetime,
) -> None:
    request_id = asked(database, cast, now)
    for either in (database, unguarded):
        for asks in (request_id, uuid4()):
            with nothing_changes(owner), pytest.raises(refusal):
                decide(either, cast.actors[who], deed, asks, cast, now)


def test_another_partners_customer_is_no_place_for_her(
    database: Database, unguarded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    request_id = asked(database, cast, now)
    for either in (database, unguarded):
        with nothing_changes(owner), pytest.raises(NotFound):
            decide(either, cast.ada, approving, request_id, cast, now, "initech")


def test_a_refused_invite_leaves_the_request_open(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    request_id = asked(database, cast, now)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        customers.archive(db, cast.ada, customer_id=cast.customers["acme"], now=now)
    with nothing_changes(owner), pytest.raises(Refusal, match="archived"):
        decide(database, cast.ada, approving, request_id, cast, now)


def test_who_asks_again_says_it_anew_in_the_same_request(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    first = asked(database, cast, now)
    enter_address(database, now)
    again = ask(database, mailed_link(database, cast), now, company="Acme Dental", message="")
    row = request_row(owner, first)
    assert (again, row.company, row.message) == (first, "Acme Dental", None)
    assert owner.scalar(text("select count(*) from mail where kind = 'ACCESS_ASKED'")) == 2


def test_of_many_who_send_the_form_at_once_one_request_is_made(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    enter_address(database, now)
    enter_address(database, now)
    with database.transaction(partner_id=cast.partners["northwind"]) as db:
        links = db.execute(text("select id from access_link")).scalars().all()
        tokens = [
            access_requests.token_of(
                db, db.get_one(access_requests.AccessLink, (cast.partners["northwind"], id_))
            )
            for id_ in links
        ]

    def run(at: int) -> str:
        try:
            ask(database, tokens[at % 2], now)
        except Refusal as refusal:
            return type(refusal).__name__
        return "won"

    with ThreadPoolExecutor(8) as crowd:
        outcomes = sorted(crowd.map(run, range(8)))
    assert outcomes == ["DeadLink"] * 6 + ["won"] * 2  # one a link
    assert owner.scalar(text("select count(*) from access_request")) == 1


def test_a_link_is_good_once_and_for_a_day(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    enter_address(database, now)
    token = mailed_link(database, cast)
    with database.transaction() as db:
        offer = access_requests.look(db, token=token, now=now + DAY - timedelta(seconds=1))
    assert (offer.partner, offer.email) == ("Northwind", ZOE)
    for dead in (token + "x", "", "\0", "x" * 10_000):
        with nothing_changes(owner), pytest.raises(DeadLink):
            ask(database, dead, now)
    with nothing_changes(owner), pytest.raises(DeadLink):
        ask(database, token, now + DAY)
    ask(database, token, now)
    with nothing_changes(owner), pytest.raises(DeadLink):
        ask(database, token, now)


def test_who_is_in_by_now_is_told_to_sign_in(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    enter_address(database, now, email=cast.emails["petra"])
    token = mailed_link(database, cast)
    with nothing_changes(owner), pytest.raises(AlreadyIn):
        ask(database, token, now)


def test_every_wrong_field_is_told_at_once(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    enter_address(database, now)
    token = mailed_link(database, cast)
    with nothing_changes(owner), pytest.raises(Invalid) as refusal:
        ask(database, token, now, name="", company="x" * 201, message="4242 4242 4242 4242")
    told = [(problem.path, problem.code) for problem in refusal.value.problems]
    assert told == [(("name",), "REQUIRED"), (("company",), "TOO_LONG"), (("message",), "CARD_NUMBER")]


def test_the_same_work_for_every_address(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    """B-4: rows and jobs of a user, an invited one, another partner's and a stranger look alike."""
    steps.invite(database, cast.ada, customer_id=cast.customers["acme"], now=now)
    for email in (cast.emails["petra"], cast.emails["ada"], "nia@acme.example", cast.emails["ines"], ZOE):
        before = len(jobs(owner))
        with nothing_changes(owner, without=BEGUN):
            enter_address(database, now, email=email, address=f"192.0.2.{before}")
        assert jobs(owner)[before:] == [("send_access_link", ["link_id", "partner_id"])]


def test_mails_can_not_be_poured_out(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    for at in range(3):
        enter_address(database, now, address=f"192.0.2.{at}")
    with nothing_changes(owner, without=("throttle_bucket",)), pytest.raises(TooMany):
        enter_address(database, now, address="192.0.2.9")
    for at in range(10):
        enter_address(database, now, email=f"p{at}@x.example", address="198.51.100.1")
    with pytest.raises(TooMany):
        enter_address(database, now, email="p10@x.example", address="198.51.100.1")
    enter_address(database, now + HOUR, address="198.51.100.1")


def test_there_is_no_billing_link_of_nobody(database: Database, owner: Connection, now: datetime) -> None:
    for slug in ("nobody", "", "acme-1a2b3c"):
        with nothing_changes(owner), pytest.raises(NotFound):
            enter_address(database, now, slug=slug)


def test_what_nobody_resolved_expires_and_can_be_asked_anew(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    request_id = asked(database, cast, now)
    late = now + 30 * DAY
    with nothing_changes(owner), pytest.raises(AlreadyResolved):
        decide(database, cast.ada, approving, request_id, cast, late)
    enter_address(database, late)
    again = ask(database, mailed_link(database, cast), late)
    assert again != request_id
    assert request_row(owner, request_id).status == "EXPIRED"
    assert request_row(owner, again).status == "OPEN"


def test_the_nightly_tidying_lets_old_ones_expire(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    request_id = asked(database, cast, now)
    assert tidy_access_requests(database, now=now + 30 * DAY - HOUR) == 0
    assert owner.scalar(text("select count(*) from access_link")) == 0
    assert tidy_access_requests(database, now=now + 30 * DAY) == 1
    assert request_row(owner, request_id).status == AccessStatus.EXPIRED
    assert tidy_access_requests(database, now=now + 30 * DAY) == 0


def test_tidying_stays_with_its_partner(
    unguarded: Database, database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    asked(database, cast, now)
    with nothing_changes(owner), unguarded.transaction() as db:
        assert access_requests.tidy(db, system(cast.partners["contoso"]), now=now + 31 * DAY) == 0


def test_erasing_forgets_what_was_asked(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    request_id = asked(database, cast, now)
    decide(database, cast.ada, approving, request_id, cast, now)
    with database.transaction() as db:
        erasing.erase(db, email=ZOE, now=now)
    for table in ("access_request", "access_link"):
        assert owner.scalar(text(f"select count(*) from {table}")) == 0


def test_a_place_that_was_given_is_of_the_role_that_was_chosen(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    request_id = asked(database, cast, now)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        access_requests.approve(
            db, cast.ada, request_id=request_id, customer_id=cast.customers["acme"], role="VIEWER", now=now
        )
    assert owner.scalar(text("select role from membership where email = :e"), {"e": ZOE}) == Role.VIEWER
