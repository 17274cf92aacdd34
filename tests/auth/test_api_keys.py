"""A-9: API keys and portal tokens."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text

from auth import api_keys
from auth.actors import KEY_SCOPES, RIGHTS, Action, Actor, ActorKind, MissingRight
from auth.api_keys import KeyOnly, KeyOver, KeyVisit, PortalSession, Shown, parse_origin
from auth.companies import CustomerClosed, CustomerNotReady
from auth.memberships import Role
from auth.tokens import digest_of
from db.session import Database
from errors import Invalid, NotFound
from tests.cast import Cast
from tests.world import nothing_changes

SECOND = timedelta(seconds=1)
ORIGINS = ["https://billing.northwind.example"]


def create(
    database: Database, actor: Actor, now: datetime, *, name: str = "CI",
    scopes: object = ("customers:read",), expires_at: datetime | None = None,
) -> Shown:  # fmt: skip
    with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
        return api_keys.create(db, actor, name=name, scopes=scopes, expires_at=expires_at, now=now)  # type: ignore[arg-type]


def portal(
    database: Database, actor: Actor, cast: Cast, now: datetime, *, customer: str = "acme",
    origins: list[str] = ORIGINS,
) -> PortalSession:  # fmt: skip
    with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
        return api_keys.create_portal_token(
            db, actor, customer_id=cast.customers[customer], origins=origins, now=now
        )


def knock(database: Database, token: str, now: datetime) -> KeyVisit | None:
    with database.transaction() as db:
        return api_keys.knock(db, token_hash=digest_of(token), now=now)


def revoke(database: Database, actor: Actor, key_id: object, now: datetime) -> api_keys.ApiKey:
    with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
        return api_keys.revoke(db, actor, key_id=key_id, now=now)  # type: ignore[arg-type]


def rotate(database: Database, actor: Actor, key_id: UUID, now: datetime) -> Shown:
    with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
        return api_keys.rotate(db, actor, key_id=key_id, now=now)


def test_a_key_is_shown_once_and_kept_as_a_digest(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    key, token = create(database, cast.ada, now, name="  CI \t server ", scopes=["tags:read", "tags:read"])
    assert token.startswith("remit_")
    assert len(token) == len("remit_") + 43
    row = owner.execute(text("select * from api_key where id = :id"), {"id": key.id}).one()
    assert (row.name, row.scopes, row.token_hash) == ("CI server", ["tags:read"], digest_of(token))
    assert (row.partner_id, row.created_by, row.created_at) == (cast.ada.partner_id, cast.ada.id, now)
    assert (row.expires_at, row.revoked_at) == (None, None)
    event = owner.execute(text("select * from audit_event")).one()
    assert (event.action, event.subject_kind, event.subject_id) == ("api_key.created", "api_key", key.id)
    assert (event.customer_id, event.details) == (None, {"name": "CI server", "scopes": ["tags:read"]})


def test_a_key_knocks_as_what_it_is(database: Database, cast: Cast, now: datetime) -> None:
    key, token = create(database, cast.ada, now, scopes=["tags:write", "customers:read"])
    visit = knock(database, token, now)
    assert visit == KeyVisit(
        Actor(
            kind=ActorKind.API_KEY, partner_id=cast.ada.partner_id, id=key.id, name="CI",
            scopes=frozenset({"customers:read", "tags:write"}),
        ),
        (),
        None,
    )  # fmt: skip


def test_a_knock_sets_the_tenant_and_a_failed_one_clears_it(
    database: Database, cast: Cast, now: datetime
) -> None:
    seen = text("select count(*) from customer")
    with database.transaction(partner_id=cast.partners["contoso"]) as db:
        assert db.execute(seen).scalar_one() == 1
        assert api_keys.knock(db, token_hash=digest_of(cast.keys["northwind"]), now=now)
        assert db.execute(seen).scalar_one() == 2
        assert api_keys.knock(db, token_hash=digest_of("made up"), now=now) is None
        assert db.execute(seen).scalar_one() == 0


@pytest.mark.parametrize("action", sorted(Action))
def test_every_key_may_what_its_scope_says_and_no_more(
    database: Database, owner: Connection, cast: Cast, action: Action, now: datetime
) -> None:
    """A-9: key x scope x operation."""
    if action not in KEY_SCOPES:
        with nothing_changes(owner), pytest.raises(Invalid):
            create(database, cast.ada, now, scopes=[action.value])
        return
    visit = knock(database, create(database, cast.ada, now, scopes=[action.value]).token, now)
    assert visit is not None
    assert [other for other in Action if visit.actor.may(other)] == [action]


def test_a_scope_that_slipped_into_a_row_gives_nothing_that_keys_never_may(cast: Cast) -> None:
    every = frozenset(action.value for action in Action)
    key = Actor(kind=ActorKind.API_KEY, partner_id=cast.partners["northwind"], id=uuid4(), scopes=every)
    assert {action for action in Action if key.may(action)} == KEY_SCOPES


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"name": " "}, [("REQUIRED", ("name",))]),
        ({"name": "x" * 101}, [("TOO_LONG", ("name",))]),
        ({"name": "C\x00I"}, [("BAD_CHARACTERS", ("name",))]),
        ({"scopes": []}, [("REQUIRED", ("scopes",))]),
        ({"scopes": ["customers:read", "all", "*"]}, [("UNKNOWN_SCOPE", ("scopes",))] * 2),
        ({"scopes": ["api_keys:write"]}, [("UNKNOWN_SCOPE", ("scopes",))]),
        ({"expires_at": timedelta(0)}, [("IN_THE_PAST", ("expires_at",))]),
        (
            {"name": "", "scopes": [], "expires_at": -SECOND},
            [("REQUIRED", ("name",)), ("REQUIRED", ("scopes",)), ("IN_THE_PAST", ("expires_at",))],
        ),
    ],
)
def test_a_wrong_key_is_refused_with_every_wrong_field(
    database: Database, owner: Connection, cast: Cast, given: dict[str, object], problems: list[object],
    now: datetime,
) -> None:  # fmt: skip
    if isinstance(given.get("expires_at"), timedelta):
        given = {**given, "expires_at": now + given["expires_at"]}  # type: ignore[operator]
    with nothing_changes(owner), pytest.raises(Invalid) as refusal:
        create(database, cast.ada, now, **given)  # type: ignore[arg-type]
    assert [(problem.code, problem.path) for problem in refusal.value.problems] == problems


def test_the_longest_name_is_taken(database: Database, cast: Cast, now: datetime) -> None:
    assert create(database, cast.ada, now, name="x" * 100).key.name == "x" * 100


def test_a_key_expires_to_the_second(database: Database, cast: Cast, now: datetime) -> None:
    _, token = create(database, cast.ada, now, expires_at=now + SECOND)
    assert knock(database, token, now) is not None
    assert knock(database, token, now + SECOND) is None


def test_a_job_goes_on_with_a_key_while_it_opens(database: Database, cast: Cast, now: datetime) -> None:
    """Whether it ends some day or not, and whatever other keys the partner has."""
    an_hour = now + timedelta(hours=1)
    ends, stays, gone = (create(database, cast.ada, now, expires_at=end).key for end in (an_hour, None, None))
    revoke(database, cast.ada, gone.id, now)

    def found(key_id: UUID, at: datetime) -> UUID | None:
        with database.transaction(partner_id=cast.ada.partner_id) as db:
            key = api_keys.live(db, cast.ada.partner_id, key_id=key_id, now=at)
            return key and key.id

    assert [found(key.id, now) for key in (ends, stays, gone)] == [ends.id, stays.id, None]
    assert [found(key.id, an_hour) for key in (ends, stays)] == [None, stays.id]
    assert found(uuid4(), now) is None


def test_a_revoked_key_is_dead_at_the_next_request_with_the_tokens_it_made(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    session = portal(database, cast.northwind_key, cast, now)
    assert knock(database, cast.keys["northwind"], now) is not None
    assert knock(database, session.token, now) is not None
    assert revoke(database, cast.ada, cast.northwind_key.id, now).revoked_at == now
    assert knock(database, cast.keys["northwind"], now) is None
    assert knock(database, session.token, now) is None
    assert knock(database, cast.keys["contoso"], now) is not None
    with nothing_changes(owner):
        assert revoke(database, cast.ada, cast.northwind_key.id, now + SECOND).revoked_at == now
    actions = owner.scalars(text("select action from audit_event order by id")).all()
    assert actions == ["portal_session.created", "api_key.revoked"]


def test_keys_are_the_admins_alone(database: Database, owner: Connection, cast: Cast, now: datetime) -> None:
    with nothing_changes(owner):
        for person in ("sue", "clem", "rita", "carl", "petra", "vera", "northwind_key"):
            actor = getattr(cast, person)
            with pytest.raises(MissingRight):
                create(database, actor, now)
            with pytest.raises(MissingRight):
                revoke(database, actor, cast.northwind_key.id, now)
        for key_id in (cast.northwind_key.id, uuid4()):
            with pytest.raises(NotFound):
                revoke(database, cast.mallory, key_id, now)


def test_nobody_gives_a_key_more_than_they_have(
    database: Database, owner: Connection, cast: Cast, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    """Only admins make keys today, and they have every right; this holds for the next role that does."""
    monkeypatch.setitem(RIGHTS, Role.MEMBER, RIGHTS[Role.MEMBER] | {Action.MANAGE_KEYS})
    assert create(database, cast.clem, now, scopes=["customers:write"])
    with nothing_changes(owner), pytest.raises(MissingRight):
        create(database, cast.clem, now, scopes=["customers:write", "invoices:void"])
    adas = create(database, cast.ada, now, scopes=["customers:write", "invoices:void"]).key
    with nothing_changes(owner), pytest.raises(MissingRight):
        rotate(database, cast.clem, adas.id, now)


def test_a_rotated_key_has_one_successor_and_both_are_written_down(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    key = create(database, cast.ada, now, expires_at=now + timedelta(days=9)).key
    successor = rotate(database, cast.ada, key.id, now).key
    assert (successor.name, successor.scopes, successor.expires_at) == (key.name, key.scopes, key.expires_at)
    events = owner.execute(text("select action, subject_id from audit_event order by id offset 1")).all()
    assert sorted(map(tuple, events)) == [
        ("api_key.created", successor.id), ("api_key.rotated", key.id)
    ]  # fmt: skip
    with nothing_changes(owner), pytest.raises(KeyOver):
        rotate(database, cast.ada, key.id, now)


def test_a_key_that_is_over_has_no_successor(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    expiring, revoked = (create(database, cast.ada, now, expires_at=now + SECOND).key for _ in range(2))
    revoke(database, cast.ada, revoked.id, now)
    with nothing_changes(owner):
        for key_id, at in ((expiring.id, now + SECOND), (revoked.id, now)):
            with pytest.raises(KeyOver):
                rotate(database, cast.ada, key_id, at)
    # At the last moment it has one, and does not live longer for it.
    assert rotate(database, cast.ada, expiring.id, now).key.expires_at == now + SECOND
    ends = text("select expires_at from api_key where id = :id")
    assert owner.execute(ends, {"id": expiring.id}).scalar_one() == now + SECOND


# Portal tokens.


def test_a_portal_token_is_a_payer_of_one_customer_for_fifteen_minutes(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    row, token = portal(database, cast.northwind_key, cast, now, origins=["https://B.example", *ORIGINS])
    origins = ["https://b.example", *ORIGINS]
    assert token.startswith("remit_portal_")
    assert len(token) == len("remit_portal_") + 43
    stored = owner.execute(text("select * from portal_token")).one()
    assert (stored.id, stored.token_hash) == (row.id, digest_of(token))
    assert (stored.api_key_id, stored.customer_id) == (cast.northwind_key.id, cast.customers["acme"])
    visit = knock(database, token, now)
    assert visit is not None
    assert visit.origins == tuple(origins)
    assert visit.expires_at == now + timedelta(minutes=15)
    actor = visit.actor
    assert (actor.kind, actor.role, actor.id) == (ActorKind.PORTAL_TOKEN, Role.PAYER, row.id)
    assert (actor.partner_id, actor.customer_id) == (cast.petra.partner_id, cast.petra.customer_id)
    assert {action for action in Action if actor.may(action)} == RIGHTS[Role.PAYER]
    assert knock(database, token, now + timedelta(minutes=15) - SECOND) is not None
    assert knock(database, token, now + timedelta(minutes=15)) is None
    event = owner.execute(text("select * from audit_event")).one()
    assert (event.action, event.customer_id) == ("portal_session.created", cast.customers["acme"])
    assert (event.actor_kind, event.details) == ("API_KEY", {"origins": origins})


def test_a_portal_token_sees_its_customer_only(database: Database, cast: Cast, now: datetime) -> None:
    _, token = portal(database, cast.northwind_key, cast, now)
    with database.transaction() as db:
        api_keys.knock(db, token_hash=digest_of(token), now=now)
        assert db.execute(text("select company from customer")).scalars().all() == ["Acme"]
        assert db.execute(text("select count(*) from api_key")).scalar_one() == 0


@pytest.mark.parametrize("status", ["ARCHIVED", "SETUP"])
def test_a_portal_token_needs_an_active_customer(
    database: Database, owner: Connection, cast: Cast, status: str, now: datetime
) -> None:
    _, token = portal(database, cast.northwind_key, cast, now)
    archived = "now()" if status == "ARCHIVED" else "null"
    owner.execute(
        text(f"update customer set status = '{status}', archived_at = {archived} where company = 'Acme'")
    )
    assert knock(database, token, now) is None
    refusal = CustomerClosed if status == "ARCHIVED" else CustomerNotReady
    with nothing_changes(owner), pytest.raises(refusal):
        portal(database, cast.northwind_key, cast, now)


def test_portal_tokens_are_made_by_keys_with_the_scope_alone(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    narrow = Actor(
        kind=ActorKind.API_KEY, partner_id=cast.northwind_key.partner_id, id=cast.northwind_key.id,
        scopes=frozenset(action.value for action in KEY_SCOPES - {Action.CREATE_PORTAL_SESSIONS}),
    )  # fmt: skip
    with nothing_changes(owner):
        for actor, refusal in (
            (cast.ada, KeyOnly), (cast.sue, KeyOnly), (cast.clem, MissingRight), (cast.carl, MissingRight),
            (cast.petra, MissingRight), (narrow, MissingRight), (cast.contoso_key, NotFound),
            (replace(cast.northwind_key, id=None), KeyOnly),
        ):  # fmt: skip
            with pytest.raises(refusal):
                portal(database, actor, cast, now)
        with pytest.raises(NotFound):
            portal(database, cast.northwind_key, cast, now, customer="initech")


GOOD_ORIGINS = {
    "https://a.example": "https://a.example",
    " HTTPS://A.Example ": "https://a.example",
    "https://a.example:443": "https://a.example",
    "https://a.example:8443": "https://a.example:8443",
    "https://abcdefghijklmnopqrstuvwxyz-0123456789.example": (
        "https://abcdefghijklmnopqrstuvwxyz-0123456789.example"
    ),
    "https://xn--bcher-kva.example": "https://xn--bcher-kva.example",
    "http://localhost:3000": "http://localhost:3000",
    "http://127.0.0.1:80": "http://127.0.0.1",
    "http://[::1]:3000": "http://[::1]:3000",
}
BAD_ORIGINS = (
    "", "*", "null", "a.example", "//a.example", "http://a.example", "http://localhost.evil.example",
    "https://", "https://*.example", "https://a.example/", "https://a.example/x", "https://a.example?x",
    "https://a.example#x", "https://u@a.example", "https://u:p@a.example", "https://a.example:",
    "https://a.example:99999", "https://a.example:x", "https://a example", "https://a.example\r\nX: y",
    "https://a.example,https://b.example", "ftp://a.example", "javascript:alert(1)", "https://[::1",
    "https://bücher.example", "https://-", "https://a_b.example", "https://" + "a" * 200 + ".example",
    "https://[fe80::1]", "http://[::2]", "file://localhost",
)  # fmt: skip


@pytest.mark.parametrize("origin", GOOD_ORIGINS)
def test_an_origin_is_kept_as_browsers_send_it(origin: str) -> None:
    assert parse_origin(origin) == GOOD_ORIGINS[origin]


def test_an_origin_has_at_most_200_characters() -> None:
    longest = "https://" + ("a" * 63 + ".") * 3
    assert len(longest) == 200
    assert parse_origin(longest) == longest
    assert parse_origin(longest + "a") is None


@pytest.mark.parametrize("origin", BAD_ORIGINS)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    assert parse_origin(origin) is None


@pytest.mark.parametrize(
    ("origins", "problems"),
    [
        ([], [("REQUIRED", ("origins",))]),
        ([f"https://o{n}.example" for n in range(11)], [("TOO_MANY", ("origins",))]),
        (["*", *ORIGINS, "null"], [("BAD_ORIGIN", ("origins", 0)), ("BAD_ORIGIN", ("origins", 2))]),
    ],
)  # fmt: skip
def test_wrong_origins_are_refused_at_their_rows(
    database: Database, owner: Connection, cast: Cast, origins: list[str], problems: list[object],
    now: datetime,
) -> None:  # fmt: skip
    with nothing_changes(owner), pytest.raises(Invalid) as refusal:
        portal(database, cast.northwind_key, cast, now, origins=origins)
    assert [(problem.code, problem.path) for problem in refusal.value.problems] == problems


def test_ten_origins_are_taken(database: Database, cast: Cast, now: datetime) -> None:
    origins = [f"https://o{n}.example" for n in range(10)]
    assert portal(database, cast.northwind_key, cast, now, origins=origins).row.origins == origins
