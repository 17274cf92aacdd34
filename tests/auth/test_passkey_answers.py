"""B-6: which answers of an authenticator are none, whatever they are signed with."""

import json
from datetime import datetime

import cbor2
import pytest
from sqlalchemy import Connection

from auth import authenticators
from db.session import Database
from tests.auth.passkey_steps import (
    Authenticator,
    add,
    ask,
    ask_for_new,
    bytes_of,
    count_of,
    sign_in,
    text_of,
    with_passkey,
)
from tests.cast import Cast


def test_a_page_framed_by_another_site_makes_no_passkey_and_signs_nobody_in(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    petra = cast.petra.user_id
    assert petra is not None
    framed = Authenticator(framed=True)
    assert add(database, petra, framed.make(ask_for_new(database, petra, now)), now) is None
    assert count_of(owner, "passkey") == 0
    device = with_passkey(database, petra, now)
    device.framed = True
    assert sign_in(database, device.answer(ask(database, now)), now) is None
    device.framed = False
    assert sign_in(database, device.answer(ask(database, now)), now) is not None


def test_an_answer_has_a_longest(database: Database, cast: Cast, now: datetime) -> None:
    petra = cast.petra.user_id
    assert petra is not None
    device = Authenticator()
    new = device.make(ask_for_new(database, petra, now))
    answer = device.answer(ask(database, now))
    for read, said in ((authenticators.read_new, new), (authenticators.read, answer)):
        assert read(said.ljust(authenticators.LONGEST_ANSWER)) is not None
        assert read(said.ljust(authenticators.LONGEST_ANSWER + 1)) is None


def test_an_answer_that_brings_a_key_again_signs_nobody_in(
    database: Database, cast: Cast, now: datetime
) -> None:
    """Even where every byte of it could be read: an empty id, and an empty key."""
    petra = cast.petra.user_id
    assert petra is not None
    device = with_passkey(database, petra, now)
    device.key_again = bytes(16) + bytes(2) + cbor2.dumps({})
    assert sign_in(database, device.answer(ask(database, now)), now) is None
    device.key_again = b""
    assert sign_in(database, device.answer(ask(database, now)), now) is not None


def test_a_new_passkey_wrapped_in_a_tag_is_none(database: Database, cast: Cast, now: datetime) -> None:
    """Tags may stand for what came before: none is unfolded, not even the one that means nothing."""
    petra = cast.petra.user_id
    assert petra is not None
    said = json.loads(Authenticator().make(ask_for_new(database, petra, now)))
    assert authenticators.read_new(json.dumps(said)) is not None
    whole = bytes_of(said["response"]["attestationObject"])
    said["response"]["attestationObject"] = text_of(b"\xd9\xd9\xf7" + whole)
    assert authenticators.read_new(json.dumps(said)) is None


@pytest.mark.parametrize("low", [28, 29, 30, 31])
def test_a_length_nobody_knows_is_not_plain(low: int) -> None:
    assert not authenticators.is_plain(bytes([low]) + bytes(16))


def test_an_answer_is_so_deep_and_no_deeper() -> None:
    deepest = authenticators._DEEPEST
    assert authenticators.is_plain(b"\x81" * deepest + b"\x00")
    assert not authenticators.is_plain(b"\x81" * (deepest + 1) + b"\x00")
