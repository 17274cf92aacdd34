"""The logs: one event is one line, and holds nothing that must not be there (F-10, G-1)."""

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app import logs
from auth.tokens import new_token
from db.session import Database

CARD, BANK = "4242 4242 4242 4242", "000123456789"


@pytest.fixture
def lines() -> Iterator[StringIO]:
    root = logging.getLogger()
    before, level = root.handlers, root.level
    stream = StringIO()
    logs.configure(stream)
    yield stream
    root.handlers = before
    root.setLevel(level)
    structlog.reset_defaults()


def entries(stream: StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_whatever_a_name_holds(lines: StringIO) -> None:
    structlog.get_logger().warning("refused\r\n{}", company="Acme\r\n\x1b[31mFORGED\u2028line")
    assert len(lines.getvalue().splitlines()) == 1
    [entry] = entries(lines)
    assert entry["company"] == "Acme\r\n\x1b[31mFORGED\u2028line"
    assert "\x1b" not in lines.getvalue()


def test_numbers_keys_and_tokens_are_masked_everywhere(lines: StringIO) -> None:
    key, token = "remit_" + new_token(), new_token()
    log = structlog.get_logger("remit.tests")
    log.error(
        f"said {CARD}", memo=[CARD, {"account": BANK}], number=int(BANK.lstrip("0")), key=key, at_link=token
    )
    logging.getLogger("uvicorn.error").error("a library said %s with %s", CARD, key)
    try:
        raise ValueError(f"{BANK} and {token}")
    except ValueError:
        log.exception("broke")
    written = lines.getvalue()
    for secret in (CARD, "4242424242424242", BANK, BANK.lstrip("0"), key, token):
        assert secret not in written
    assert len(entries(lines)) == 3
    assert entries(lines)[1]["event"] == "a library said [card ****4242] with [token]"
    assert "Traceback" in str(entries(lines)[2]["exception"])


def test_what_is_needed_to_follow_a_request_stays(lines: StringIO) -> None:
    structlog.get_logger().warning(
        "settled", payment="pay_0198c0ffee0011223344556677889900", tries=3, late=True
    )
    [entry] = entries(lines)
    assert entry["payment"] == "pay_0198c0ffee0011223344556677889900"
    assert (entry["tries"], entry["late"], entry["level"]) == (3, True, "warning")


def test_a_broken_statement_tells_nothing_of_its_values(database: Database) -> None:
    with pytest.raises(SQLAlchemyError) as broken, database.transaction() as db:
        db.execute(text("select no_such_column from partner where name = :name"), {"name": CARD})
    assert CARD not in str(broken.value)
