"""What mail servers report about a mail of ours: RFC 3464 messages, or the same in JSON, as plain facts.

Surprise: whoever writes such a message may be anybody. It is read with the oldest and most patient parser,
only so much of it, and what can't be understood is about nothing.
"""

import json
import re
from collections.abc import Iterator, Mapping
from email import policy
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser, HeaderParser
from typing import Any, NamedTuple
from uuid import UUID

from auth.emails import normal_form
from errors import Invalid
from integrations.mail.compose import ECHOED

MOST_BYTES = 1024 * 1024
# What is read of them: the report comes before the mail that is given back, of which the head is enough.
MOST_READ = 256 * 1024
# Real ones have five. Each line is held against every boundary above it, so a thousand would take minutes.
MOST_BOUNDARIES = 20
MOST_RECIPIENTS = 20
LONGEST_WORDS = 500
LONGEST_HEADER = 1000

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_TYPE = re.compile(r"^\s*[A-Za-z0-9-]{1,40}\s*;")
_ID = re.compile(r"<?([0-9A-Fa-f-]{36})@([^\s<>@]{1,253})>?")
_PLAIN = re.compile(r"[0-9A-Za-z.;:/ -]{1,40}")


class DeliveryNotice(NamedTuple):
    """What a server says of one mail to one recipient: given back (`is_final`), or delayed.

    `addresses` are normal forms: where it went in the end, and what it was addressed to.
    """

    mail_id: UUID
    addresses: tuple[str, ...]
    is_final: bool
    words: str


class NotUnderstood(ValueError):
    """The bytes are no JSON notice."""


def read_message(raw: bytes, *, host: str) -> list[DeliveryNotice]:
    """The notices in a delivery status message (RFC 3464) about mails that left from `host`; none for any
    other message. Only the first `MOST_READ` bytes are read.
    """
    raw = raw[:MOST_READ]
    if raw.lower().count(b"boundary") > MOST_BOUNDARIES:
        return []
    try:
        message = BytesParser(policy=policy.compat32).parsebytes(raw)
        return list(_notices(message, host))
    except (RecursionError, ValueError, LookupError):
        # Nested without end, or in a coding there is not.
        return []


def read_body(body: bytes, content_type: str, *, host: str) -> list[DeliveryNotice]:
    """As `read_message` for what was posted: a whole message, or the multipart/report of one alone."""
    if content_type.lower().startswith("multipart/report"):
        kind = content_type[:LONGEST_HEADER].encode("latin-1", "replace")
        body = b"Content-Type: " + kind + b"\r\n\r\n" + body
    return read_message(body, host=host)


def read_json(body: bytes, *, host: str) -> list[DeliveryNotice]:
    """A notice in Remit's own words: `messageId`, `recipient`, `action` (`failed` or `delayed`), `status`
    (`5.1.1`) and `diagnostic`, the server's words. Refuses NotUnderstood.
    """
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as wrong:
        raise NotUnderstood from wrong
    names = ("messageId", "recipient", "action", "status", "diagnostic")
    if not isinstance(given, dict) or not all(isinstance(given.get(name, ""), str) for name in names):
        raise NotUnderstood
    mail_id = _mail_id(given.get("messageId", ""), host)
    block = {
        "Final-Recipient": f"rfc822; {given.get('recipient', '')}", "Action": given.get("action", ""),
        "Status": given.get("status", ""), "Diagnostic-Code": given.get("diagnostic", ""),
    }  # fmt: skip
    notice = _notice(mail_id, block) if mail_id is not None else None
    return [notice] if notice is not None else []


def _notices(message: Message, host: str) -> Iterator[DeliveryNotice]:
    if message.get_content_type() != "multipart/report" or not message.is_multipart():
        return
    parts: list[Message] = message.get_payload()  # type: ignore[assignment]
    blocks = next((part for part in parts if part.get_content_type() == "message/delivery-status"), None)
    mail_id = next((id_ for part in parts if (id_ := _original(part, host)) is not None), None)
    if blocks is None or mail_id is None or not blocks.is_multipart():
        return
    # The first block is about the message as a whole.
    for block in blocks.get_payload()[1 : MOST_RECIPIENTS + 1]:  # type: ignore[index]
        notice = _notice(mail_id, block)  # type: ignore[arg-type]
        if notice is not None:
            yield notice


def _original(part: Message, host: str) -> UUID | None:
    """Which mail of ours the returned part is, by its own Message-ID or the one that servers leave alone."""
    kind, held = part.get_content_type(), part.get_payload()
    headers: Message | None = None
    if kind == "message/rfc822" and isinstance(held, list) and held:
        headers = held[0]  # type: ignore[assignment]
    elif kind in ("text/rfc822-headers", "message/rfc822-headers"):
        if isinstance(held, list) and held:
            headers = held[0]  # type: ignore[assignment]
        elif isinstance(held, str):
            decoded = part.get_payload(decode=True)
            headers = (
                BytesHeaderParser(policy=policy.compat32).parsebytes(decoded.lstrip())
                if isinstance(decoded, bytes)
                else HeaderParser(policy=policy.compat32).parsestr(held.lstrip())
            )
    if headers is None:
        return None
    return _mail_id(_text(headers, ECHOED), host) or _mail_id(_text(headers, "Message-ID"), host)


def _mail_id(text: str, host: str) -> UUID | None:
    found = _ID.fullmatch(text.strip())
    if found is None or found[2].casefold() != host.casefold():
        return None
    try:
        return UUID(found[1])
    except ValueError:
        return None


def _notice(mail_id: UUID, block: Mapping[str, Any] | Message) -> DeliveryNotice | None:
    action = _text(block, "Action").strip().lower()
    if action not in ("failed", "delayed"):
        return None
    named = (_address(_text(block, name)) for name in ("Original-Recipient", "Final-Recipient"))
    addresses = tuple(dict.fromkeys(address for address in named if address))
    return DeliveryNotice(mail_id, addresses, action == "failed", _words(block)) if addresses else None


def _address(text: str) -> str | None:
    # Some servers put the address into angle brackets, which RFC 3464 does not.
    bare = _TYPE.sub("", text).strip().removeprefix("<").removesuffix(">").strip()
    try:
        return normal_form(bare)
    except Invalid:
        return None


def _words(block: Mapping[str, Any] | Message) -> str:
    """The server's words on one line; its status number if it had none."""
    said = _TYPE.sub("", _text(block, "Diagnostic-Code"))
    line = " ".join(_UNPRINTABLE.sub(" ", said).split())
    if not line:
        status = _text(block, "Status").strip()
        line = status if _PLAIN.fullmatch(status) else ""
    return line[:LONGEST_WORDS]


def _text(block: Mapping[str, Any] | Message, name: str) -> str:
    return str(block.get(name) or "")[: 4 * LONGEST_HEADER]
