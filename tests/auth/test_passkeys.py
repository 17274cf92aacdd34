"""B-6: a passkey signs in alone, and its answer counts once, here, for what was asked."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from auth import authenticators, challenges, passkeys, recovery_codes
from auth.authenticators import Site
from auth.challenges import Use
from auth.tokens import digest_of
from db.session import Database
from tests.auth import steps
from tests.auth.factor_steps import sessions_of, set_up
from tests.auth.passkey_steps import (
    HERE,
    PRESENT,
    Authenticator,
    add,
    ask,
    ask_for_new,
    count_of,
    events,
    passkey_of,
    remove,
    sign_in,
    text_of,
    told,
    with_passkey,
)
from tests.auth.steps import BROWSER, HOME
from tests.cast import Cast
from tests.world import nothing_changes

ELSEWHERE = replace(HERE, browser="browser-2")


@pytest.fixture
def laptop(database: Database, cast: Cast, now: datetime) -> Authenticator:
    """Petra's, with a passkey."""
    return with_passkey(database, cast.petra.user_id, now)


def test_a_passkey_signs_in_without_a_name_a_password_or_a_second_step(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    set_up(database, cast.petra.user_id, now - timedelta(minutes=1))
    asked = ask(database, now)
    assert json.loads(asked)["userVerification"] == "required"
    assert json.loads(asked)["allowCredentials"] == []
    signed_in = sign_in(database, laptop.answer(asked), now)
    assert signed_in is not None
    assert signed_in.user_id == cast.petra.user_id
    assert steps.knock(database, signed_in.session_token, steps.Door.PORTAL, "acme-1a2b3c", now) is not None
    assert events(owner, cast.petra.user_id)[-1] == "sign_in"
    used = owner.execute(text("select sign_count, used_at from passkey")).one()
    assert tuple(used) == (2, now)


def test_what_is_asked_for_a_new_one_is_found_without_a_name_and_checks_its_owner(
    database: Database, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    asked = json.loads(ask_for_new(database, cast.petra.user_id, now))
    assert asked["authenticatorSelection"] == {
        "residentKey": "required", "requireResidentKey": True, "userVerification": "required",
    }  # fmt: skip
    assert asked["rp"] == {"id": "remit.example", "name": "Remit"}
    assert asked["attestation"] == "none"
    assert [held["id"] for held in asked["excludeCredentials"]] == [text_of(laptop.credential_id)]


def test_one_person_has_several_and_each_signs_in(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    phone = with_passkey(database, cast.petra.user_id, now, name="Phone")
    for device in (phone, laptop, phone):
        assert sign_in(database, device.answer(ask(database, now)), now) is not None
    assert sessions_of(owner, cast.petra.user_id) == 3


def test_the_first_factor_brings_recovery_codes_and_the_second_none(
    database: Database, cast: Cast, now: datetime
) -> None:
    device, other = Authenticator(), Authenticator()
    petra = cast.petra.user_id
    codes = add(database, petra, device.make(ask_for_new(database, petra, now)), now)
    assert codes is not None
    assert len(codes) == recovery_codes.HOW_MANY
    assert add(database, petra, other.make(ask_for_new(database, petra, now)), now) == []


@pytest.mark.parametrize("counts", [True, False], ids=["counting", "not counting"])
def test_an_answer_works_once(
    database: Database, owner: Connection, cast: Cast, now: datetime, counts: bool
) -> None:
    device = Authenticator(counts=counts)
    petra = cast.petra.user_id
    assert add(database, petra, device.make(ask_for_new(database, petra, now)), now)
    answer = device.answer(ask(database, now))
    assert sign_in(database, answer, now) is not None
    assert sign_in(database, answer, now) is None
    assert sessions_of(owner, petra) == 1
    assert count_of(owner, "passkey_challenge") == 0


def test_a_registration_works_once(database: Database, owner: Connection, cast: Cast, now: datetime) -> None:
    device = Authenticator()
    answer = device.make(ask_for_new(database, cast.petra.user_id, now))
    assert add(database, cast.petra.user_id, answer, now) is not None
    before = count_of(owner, "passkey")
    assert add(database, cast.petra.user_id, answer, now) is None
    # The same authenticator answering anew with the same id is refused too: by whomever.
    again = device.make(ask_for_new(database, cast.carl.user_id, now))
    assert add(database, cast.carl.user_id, again, now) is None
    assert count_of(owner, "passkey") == before == 1


def test_a_challenge_is_over_after_five_minutes(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    answer = laptop.answer(ask(database, now))
    assert sign_in(database, answer, now + challenges.LIFE) is None
    assert sessions_of(owner, cast.petra.user_id) == 0
    assert sign_in(database, answer, now + challenges.LIFE - timedelta(seconds=1)) is not None


def test_old_challenges_leave_no_heap(database: Database, owner: Connection, now: datetime) -> None:
    for minutes in (0, 0, 6):
        ask(database, now + timedelta(minutes=minutes))
    assert count_of(owner, "passkey_challenge") == 1


def test_an_answer_is_good_in_the_browser_that_asked_only(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    answer = laptop.answer(ask(database, now))
    assert sign_in(database, answer, now, asking=ELSEWHERE) is None
    assert sessions_of(owner, cast.petra.user_id) == 0
    # Nobody else's browser uses the challenge up.
    assert sign_in(database, answer, now) is not None


@pytest.mark.parametrize("use", [use for use in Use if use is not Use.SIGN_IN])
def test_an_answer_to_another_question_signs_nobody_in(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime, use: Use
) -> None:
    answer = laptop.answer(ask(database, now, use=use, user_id=cast.petra.user_id))
    assert sign_in(database, answer, now) is None
    assert sessions_of(owner, cast.petra.user_id) == 0


def test_a_challenge_of_ones_own_making_is_none(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    made_up = json.dumps({"challenge": text_of(b"x" * 32)})
    assert sign_in(database, laptop.answer(made_up), now) is None
    assert sessions_of(owner, cast.petra.user_id) == 0


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("another site's host", {"site": Site("evil.example", HERE.site.origin)}),
        ("another origin", {"site": Site(HERE.site.host, "https://evil.example")}),
        ("a subdomain's origin", {"site": Site(HERE.site.host, "https://x.remit.example")}),
        ("an owner who was not checked", {"flags": PRESENT}),
        ("nobody there", {"flags": 0}),
        ("another person's name", {"user_id": b"\0" * 16}),
    ],
)
def test_what_an_answer_must_prove(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime, what: str,
    change: dict[str, object],
) -> None:  # fmt: skip
    forged = replace(laptop, **change)
    assert sign_in(database, forged.answer(ask(database, now)), now) is None, what
    assert sessions_of(owner, cast.petra.user_id) == 0
    assert events(owner, cast.petra.user_id)[-1] == "passkey.failed"
    unused = owner.execute(text("select sign_count, used_at from passkey")).one()
    assert tuple(unused) == (1, None)


def test_another_key_under_the_same_id_signs_nobody_in(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    forged = Authenticator(credential_id=laptop.credential_id, user_id=laptop.user_id, count=9)
    assert sign_in(database, forged.answer(ask(database, now)), now) is None
    assert sessions_of(owner, cast.petra.user_id) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"site": Site("evil.example", HERE.site.origin)},
        {"site": Site(HERE.site.host, "https://evil.example")},
        {"flags": PRESENT},
    ],
)
def test_a_passkey_of_another_site_or_without_its_owner_is_not_added(
    database: Database, owner: Connection, cast: Cast, now: datetime, change: dict[str, object]
) -> None:
    petra = cast.petra.user_id
    answer = replace(Authenticator(), **change).make(ask_for_new(database, petra, now))
    assert add(database, petra, answer, now) is None
    assert count_of(owner, "passkey") == count_of(owner, "recovery_code") == 0


@pytest.mark.parametrize("asked_for", [Use.INVITE, Use.STEP_UP])
def test_a_question_of_another_use_adds_nothing(
    database: Database, owner: Connection, cast: Cast, now: datetime, asked_for: Use
) -> None:
    petra = cast.petra.user_id
    answer = Authenticator().make(ask_for_new(database, petra, now, use=asked_for))
    assert add(database, petra, answer, now) is None
    assert count_of(owner, "passkey") == 0


def test_what_was_asked_for_petra_adds_nothing_to_carl(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    answer = Authenticator().make(ask_for_new(database, cast.petra.user_id, now))
    assert add(database, cast.carl.user_id, answer, now) is None
    assert count_of(owner, "passkey") == 0


GARBAGE = [
    "", "null", "[]", "{}", "{", "0", '"x"', "\ud800", "x" * 40_000, "[" * 20_000,
    json.dumps({"id": "x", "rawId": "x", "type": "public-key", "response": {}}),
    json.dumps({"id": "é", "rawId": "é", "type": "public-key", "response": {
        "clientDataJSON": "é", "authenticatorData": "", "signature": "", "attestationObject": "é"}}),
    json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": {
        "clientDataJSON": text_of(b"[]"), "authenticatorData": "AA", "signature": "AA",
        "attestationObject": "AA"}}),
    json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": {
        "clientDataJSON": text_of(b'{"type":[],"challenge":"AA","origin":{}}'), "authenticatorData": "AA",
        "signature": "AA", "userHandle": "A", "attestationObject": "AA"}}),
]  # fmt: skip


@pytest.mark.parametrize("at", range(len(GARBAGE)))
def test_what_is_no_answer_is_wrong_wherever_it_is_sent(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime, at: int
) -> None:
    petra, garbage = cast.petra.user_id, GARBAGE[at]
    with nothing_changes(owner, without=["throttle_bucket", "personal_event"]):
        assert sign_in(database, garbage, now) is None
        assert add(database, petra, garbage, now) is None
        for use in (Use.SECOND_STEP, Use.STEP_UP):
            with database.transaction(user_id=petra) as db:
                assert not passkeys.prove(
                    db, HERE, use=use, user_id=petra, answer=garbage, address=HOME, agent=BROWSER, now=now
                )


@pytest.mark.parametrize("back", [0, 1])
def test_a_count_that_did_not_go_on_is_a_copy_it_is_refused_written_down_and_told(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime, back: int
) -> None:
    for _ in range(2):
        assert sign_in(database, laptop.answer(ask(database, now)), now) is not None
    copy = replace(laptop, count=laptop.count - 1 - back)
    assert sign_in(database, copy.answer(ask(database, now)), now) is None
    assert sessions_of(owner, cast.petra.user_id) == 2
    assert owner.execute(text("select sign_count from passkey")).scalar_one() == laptop.count
    assert events(owner, cast.petra.user_id)[-1] == "passkey.copied"
    assert told(owner) == ["passkey.added", "passkey.copied"]


def test_an_authenticator_that_counted_may_not_stop(
    database: Database, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    stopped = replace(laptop, counts=False, count=0)
    assert sign_in(database, stopped.answer(ask(database, now)), now) is None


@pytest.mark.parametrize("change", ["disabled", "removed"])
def test_a_passkey_ends_with_its_person_or_itself(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime, change: str
) -> None:
    answer = laptop.answer(ask(database, now))
    petra = cast.petra.user_id
    if change == "disabled":
        owner.execute(text("update person set disabled_at = now() where id = :id"), {"id": petra})
    else:
        remove(database, petra, passkey_of(database, petra), now)
    assert sign_in(database, answer, now) is None
    assert sessions_of(owner, petra) == 0


def test_the_session_the_browser_came_with_ends(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    before = steps.start_session(database, cast.carl.user_id, now)
    answer = laptop.answer(ask(database, now))
    assert sign_in(database, answer, now, replaces=digest_of(before.session_token)) is not None
    ended = text("select ended_at is not null from session where id = :id")
    assert owner.execute(ended, {"id": before.session_id}).scalar_one()


def test_a_known_browser_stays_known_and_anothers_does_not_become_ones_own(
    database: Database, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    first = sign_in(database, laptop.answer(ask(database, now)), now)
    carls = steps.start_session(database, cast.carl.user_id, now)
    assert first is not None
    for token, remembered in ((first.device_token, False), (carls.device_token, True)):
        again = sign_in(database, laptop.answer(ask(database, now)), now, device_token=token)
        assert again is not None
        assert (again.device_token is not None) is remembered


def bomb(levels: int) -> bytes:
    """A list whose every item is "twice the one before": few bytes a level, twofold when written out."""
    first, shared = b"\xd8\x1c\x81\x01", b"\xd8\x1c\x82"  # 28: may be referred to
    before = (b"\xd8\x1d" + cbor2.dumps(level) for level in range(levels))  # 29: refers to it
    return b"\x98" + bytes([levels + 1]) + first + b"".join(shared + one + one for one in before)


HOSTILE_CBOR = {
    "unfolds": bomb(24),
    "deep": b"\x81" * 20_000 + b"\x00",
    "endless": b"\x9f" + b"\x00" * 50,
    "too long a string": b"\x5b" + b"\xff" * 8,
    "too many items": b"\x9b" + b"\xff" * 8,
    "half an item": b"\x82\x00",
    "a reserved length": b"\x1c",
}


@pytest.mark.parametrize("hostile", HOSTILE_CBOR.values(), ids=HOSTILE_CBOR)
def test_what_an_authenticator_never_writes_is_not_decoded(hostile: bytes) -> None:
    assert not authenticators.is_plain(hostile)
    head = bytes(32) + bytes([PRESENT | 0x84]) + bytes(4)
    said = text_of(
        json.dumps({"type": "webauthn.get", "challenge": text_of(bytes(32)), "origin": "x"}).encode()
    )
    whole = {"id": "AA", "rawId": "AA", "type": "public-key"}
    answer = {"clientDataJSON": said, "authenticatorData": text_of(head + hostile), "signature": "AA"}
    assert authenticators.read(json.dumps({**whole, "response": answer})) is None
    inside = head[:32] + b"\xc5" + bytes(4 + 16) + b"\x00\x01\x00" + hostile
    for attestation in (hostile, cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": inside})):
        made = {"clientDataJSON": said, "attestationObject": text_of(attestation)}
        assert authenticators.read_new(json.dumps({**whole, "response": made})) is None


@given(st.recursive(
    st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=40) | st.text(max_size=40) | st.none(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.integers(0, 99), inside, max_size=4),
    max_leaves=20,
))  # fmt: skip
def test_plain_is_what_a_decoder_reads_whole(value: object) -> None:
    encoded = cbor2.dumps(value)
    assert authenticators.is_plain(encoded) == (_depth(value) <= 8)
    assert authenticators.is_plain(encoded + encoded) == (_depth(value) <= 8)
    assert not authenticators.is_plain(encoded + b"\x82")


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0
