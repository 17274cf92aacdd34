"""What servers write about a mail that came back is understood, and what anybody may write is bounded."""

import json
from uuid import UUID

import pytest

from integrations.mail.delivery_notices import (
    LONGEST_WORDS,
    MOST_BOUNDARIES,
    MOST_RECIPIENTS,
    NotUnderstood,
    read_body,
    read_json,
    read_message,
)
from tests.integrations.returned import ADDRESS, CORPUS, DELAYED, EXIM, MAIL, POSTFIX, SES

HOST = "pay.example.com"
MAIL_ID = UUID(MAIL[1:37])


@pytest.mark.parametrize("server", CORPUS)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_notice_names_the_mail_the_address_and_the_servers_words(server: str, ending: str) -> None:
    text, words = CORPUS[server]
    (notice,) = read_message(text.replace("\n", ending).encode(), host=HOST)
    assert notice == (MAIL_ID, (ADDRESS,), True, words)


def test_a_delay_is_no_failure() -> None:
    (notice,) = read_message(DELAYED.encode(), host=HOST)
    assert (notice.is_final, notice.words) == (False, "451 4.7.1 Greylisted")


def test_the_report_alone_is_read_by_the_header_it_was_posted_with() -> None:
    head, _, body = EXIM.partition("\n\n")
    assert "boundary=1773162004-eximdsn-1804289383" in head
    kind = "multipart/report; report-type=delivery-status; boundary=1773162004-eximdsn-1804289383"
    (notice,) = read_body(body.encode(), kind, host=HOST)
    assert notice.mail_id == MAIL_ID


def test_an_address_that_forwards_is_known_by_where_it_was_sent_to() -> None:
    text = POSTFIX.replace(f"Final-Recipient: rfc822; {ADDRESS}", "Final-Recipient: rfc822; pet@home.example")
    (notice,) = read_message(text.encode(), host=HOST)
    assert notice.addresses == (ADDRESS, "pet@home.example")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Subject: On holiday\n\nI am away until Monday.",
        POSTFIX.replace("multipart/report", "multipart/mixed"),
        POSTFIX.replace("message/delivery-status", "text/plain"),
        POSTFIX.replace(MAIL, "<01900000-0000-7000-8000-000000000001@other.example>"),
        POSTFIX.replace(MAIL, "<not-an-id@pay.example.com>"),
        POSTFIX.replace(MAIL, f"<{'-' * 36}@pay.example.com>"),
        POSTFIX.replace("Action: failed", "Action: delivered"),
        POSTFIX.replace("Action: failed", "Action: "),
        EXIM.replace(f"rfc822;{ADDRESS}", "rfc822;nobody"),
        SES.replace("X-Remit-Mail", "X-Other"),
        POSTFIX.split("Content-Description: Undelivered")[0],
        POSTFIX[:900],
    ],
)
def test_what_is_no_notice_of_ours_says_nothing(text: str) -> None:
    assert read_message(text.encode(), host=HOST) == []


def test_words_are_one_line_of_print_and_short() -> None:
    text = EXIM.replace("552 5.2.2 Mailbox full", "550 no\x00\x1b[31m\u202efull" + " so" * 1000)
    (notice,) = read_message(text.encode(), host=HOST)
    assert notice.words.startswith("550 no [31m")
    assert len(notice.words) == LONGEST_WORDS
    assert notice.words.isprintable() or "\N{REPLACEMENT CHARACTER}" in notice.words
    (quiet,) = read_message(EXIM.replace("Diagnostic-Code", "X-Code").encode(), host=HOST)
    assert quiet.words == "5.0.0"


def nested(depth: int) -> bytes:
    """Parts in parts in parts, without end."""
    each = b"".join(
        b'Content-Type: multipart/report; boundary="%d"\n\n--%d\n' % (place, place) for place in range(depth)
    )
    return each + b"\n"


@pytest.mark.parametrize(
    "hostile",
    [
        nested(3_000),
        b"Content-Type: message/rfc822\n\n" * 20_000,
        b"A" * 2_000_000,
        b"\n" * 500_000,
        b"Content-Type: multipart/report; boundary=x\n\n" + b"--x\n" * 200_000,
        EXIM.encode() + b"x" * 5_000_000,
        bytes(range(256)) * 4_000,
        b"Content-Type: multipart/report; boundary*=zzz''%FF\n\n--x\n\n",
        b'Content-Type: multipart/report; charset="\xff\xfe"; boundary=x\n\n--x\n\n--x--',
    ],
)
def test_hostile_messages_are_read_in_bounds(hostile: bytes) -> None:
    # A genuine notice before it is read all the same.
    assert len(read_message(hostile, host=HOST)) == hostile.startswith(EXIM.encode())


def test_more_parts_in_parts_than_any_server_writes_are_not_taken_apart() -> None:
    inside = "".join(f"X-Note: boundary={place}\n" for place in range(MOST_BOUNDARIES))
    assert read_message((inside + EXIM).encode(), host=HOST) == []


def test_at_most_twenty_recipients_are_read() -> None:
    block = f"\nAction: failed\nFinal-Recipient: rfc822;{ADDRESS}\nStatus: 5.0.0\n"
    text = EXIM.replace("Reporting-MTA: dns; relay.example.net\n", "Reporting-MTA: dns; r\n" + block * 500)
    assert len(read_message(text.encode(), host=HOST)) == MOST_RECIPIENTS


def test_a_notice_in_our_own_words_says_the_same() -> None:
    given = {
        "messageId": MAIL, "recipient": "Petra@acme.example", "action": "failed", "status": "5.1.1",
        "diagnostic": "550 User unknown",
    }  # fmt: skip
    assert read_json(json.dumps(given).encode(), host=HOST) == [
        (MAIL_ID, (ADDRESS,), True, "550 User unknown")
    ]
    assert read_json(json.dumps({**given, "action": "opened"}).encode(), host=HOST) == []
    assert read_json(json.dumps({**given, "messageId": "x"}).encode(), host=HOST) == []
    assert read_json(b"{}", host=HOST) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"nul", b"\xff", b'{"messageId": 5}', b"[" * 100_000, b'"x"'])
def test_what_is_no_json_of_ours_is_refused(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read_json(body, host=HOST)
