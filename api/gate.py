"""The request gate: a request's bytes are read, measured and refused here, before anything else looks.

It takes the raw ASGI receive and gives back one `Question`, or raises `Refused`, never anything else. The
fact that surprises: depth, list lengths and duplicate keys are measured on the body's *skeleton* (its bytes
without the strings) before the JSON is parsed, because the parser's memory is a large multiple of a hostile
body and it keeps the last of two equal keys without a word. GUARANTEES D-6, E-2 and E-5 come from here.

Codes: METHOD_NOT_ALLOWED 405; UNSUPPORTED_MEDIA_TYPE, COMPRESSED_BODY 415; BODY_TOO_LARGE 413; the rest 400:
BODY_INCOMPLETE, BAD_JSON, NOT_AN_OBJECT, BATCH_REFUSED, JSON_TOO_DEEP, TOO_MANY_ITEMS, STRING_TOO_LONG,
BAD_CHARACTER, NUMBER_TOO_LARGE, DUPLICATE_KEY, UNKNOWN_KEY, BAD_QUERY, BAD_VARIABLES, BAD_OPERATION_NAME,
BAD_EXTENSIONS.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Never

import orjson

MAX_BODY = 256 * 1024  # bytes
MAX_DEPTH = 32  # nested lists and objects, the body itself being the first
MAX_ITEMS = 500  # of one list, or keys of one object
MAX_TEXT = 10_000  # characters of one string in the variables, or of one literal in the document
MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]

_KEYS = frozenset({"query", "variables", "operationName", "extensions"})
_JSON_TYPE = re.compile(rb'application/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?', re.IGNORECASE)
_LONG_INTEGER = re.compile(rb"(?<![0-9.eE+-])-?[0-9]{19,}+(?![0-9.eE])")
_NOT_MARKS = bytes(sorted(set(range(256)) - set(b"[]{},")))
_WINDOW = 16 * 1024  # bytes split at once
_OPEN, _CLOSE, _COMMA = frozenset(b"[{"), frozenset(b"]}"), ord(",")


class Refused(Exception):
    """A request the door does not take: `status` of HTTP, a stable `code` naming the limit, how to fix it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    @property
    def headers(self) -> dict[str, str]:
        """The headers HTTP asks for beside the status: what is allowed, with a 405."""
        return {"allow": "POST"} if self.status == 405 else {}

    def body(self) -> bytes:
        """The answer in GraphQL's form: one error, its code under `extensions`."""
        return orjson.dumps({"errors": [{"message": self.message, "extensions": {"code": self.code}}]})


class Question(NamedTuple):
    """What a request asks: the document's text, its variables (never None), which operation is meant."""

    query: str
    variables: dict[str, Any]
    operation_name: str | None


async def read(scope: Scope, receive: Receive) -> Question:
    """Take one request whole: head, body, question. Refuses as the three below do, in their order."""
    stated = check_head(scope)
    return parse(await read_body(receive, stated))


def check_head(scope: Scope) -> int | None:
    """Check method and headers before a byte of the body is read; give the stated length in bytes, if any.

    Refuses everything but POST (405), everything but `application/json` in UTF-8 (415: forms and multipart
    cross origins without asking), any compression (415: a small body could unfold to gigabytes), and a stated
    length over 256 KiB (413).
    """
    if scope.get("method") != "POST":
        raise Refused(405, "METHOD_NOT_ALLOWED", "Send GraphQL requests with POST.")
    kinds, encodings, lengths = [], [], []
    for name, value in scope["headers"]:
        if name == b"content-type":
            kinds.append(value)
        elif name == b"content-encoding":
            encodings.append(value)
        elif name == b"content-length":
            lengths.append(value)
    if encodings and encodings != [b"identity"]:
        raise Refused(415, "COMPRESSED_BODY", "Send the body uncompressed, without Content-Encoding.")
    if kinds != [b"application/json"] and not (len(kinds) == 1 and _JSON_TYPE.fullmatch(kinds[0])):
        raise Refused(415, "UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json in UTF-8.")
    return _stated_length(lengths)


def _stated_length(lengths: list[bytes]) -> int | None:
    if not lengths:
        return None
    if len(lengths) > 1 or not lengths[0].isdigit():
        raise Refused(400, "BODY_INCOMPLETE", "Send one Content-Length, a whole number of bytes.")
    if len(lengths[0]) > 18 or int(lengths[0]) > MAX_BODY:
        _refuse_size()
    return int(lengths[0])


def _refuse_size() -> Never:
    raise Refused(413, "BODY_TOO_LARGE", "A request may hold at most 256 KiB. Send less at once.")


async def read_body(receive: Receive, stated: int | None = None) -> bytes:
    """Read at most 256 KiB, counting as the bytes come in: a stated length may lie, a chunked body has none.

    Refuses more than that (413) and stops reading there; refuses a body that is not as long as `stated`, and
    a client that leaves in the middle (400).
    """
    message = await receive()
    body: bytes | bytearray = message.get("body", b"")
    if message["type"] == "http.request" and message.get("more_body", False):
        body = bytearray(body)
        while len(body) <= MAX_BODY and message.get("more_body", False):
            message = await receive()
            if message["type"] != "http.request":
                break
            body += message.get("body", b"")
    if message["type"] != "http.request":
        raise Refused(
            400, "BODY_INCOMPLETE", "The connection closed in the middle of the body. Send it again."
        )
    if len(body) > MAX_BODY:
        _refuse_size()
    if stated is not None and stated != len(body):
        raise Refused(400, "BODY_INCOMPLETE", "The body is not as long as Content-Length says.")
    return bytes(body)


def parse(body: bytes) -> Question:
    """Read a body into a question.

    Refuses (400) whatever is not one JSON object with the keys of GraphQL over HTTP; lists of requests;
    duplicate keys; NaN and Infinity; lone surrogates and NUL; whole numbers beyond 64 bits; more than 32
    levels; more than 500 items in a list or keys in an object; strings over 10,000 characters other than the
    query, which may fill the body.
    """
    pairs = _scan(body)
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Refused(400, "BAD_JSON", f"The body is not JSON in UTF-8: look at {place}.") from None
    if not isinstance(asked, dict):
        _refuse_form(body)
    if not asked.keys() <= _KEYS:
        raise Refused(400, "UNKNOWN_KEY", "Send only query, variables, operationName and extensions.")
    query = asked.pop("query", None)
    if not isinstance(query, str) or not query:
        raise Refused(400, "BAD_QUERY", "Send the document as a string under query.")
    # A short body has no long string, and a JSON string has a NUL only by its escape.
    if len(body) > MAX_TEXT or b"\\u0000" in body:
        _check_texts(asked)
    if _count_pairs(asked) + 1 != pairs:
        raise Refused(400, "DUPLICATE_KEY", "An object in the body has the same key twice. Keep one.")
    return _question(query, asked)


def _scan(body: bytes) -> int:
    """Measure nesting and list lengths without parsing; give the number of `key: value` pairs written."""
    if body.lstrip(b" \t\r\n")[:1] != b"{":
        _refuse_form(body)
    skeleton = _skeleton(body)
    # Almost every body has too few brackets and commas to break a limit: then nothing needs to be walked.
    if skeleton.count(b"{") + skeleton.count(b"[") > MAX_DEPTH or skeleton.count(b",") >= MAX_ITEMS:
        _measure(skeleton.translate(None, _NOT_MARKS))
    for digits in _LONG_INTEGER.findall(skeleton):
        check_integer(digits.decode())
    return skeleton.count(b":")


def _skeleton(body: bytes) -> bytearray:
    """The body without its strings, in one pass and in no more memory than the body's own."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")  # now every quote begins or ends a string
    skeleton = bytearray()
    within = 0
    for start in range(0, len(body), _WINDOW):
        pieces = body[start : start + _WINDOW].split(b'"')
        skeleton += b"".join(pieces[within::2])
        within ^= (len(pieces) - 1) & 1
    return skeleton


def _refuse_form(body: bytes) -> Never:
    if body.lstrip(b" \t\r\n")[:1] == b"[":
        raise Refused(400, "BATCH_REFUSED", "Send one request at a time: an object, not a list.")
    raise Refused(400, "NOT_AN_OBJECT", 'Send a JSON object: {"query": "…", "variables": {…}}.')


def _measure(marks: bytes | bytearray) -> None:
    commas: list[int] = []  # one count for each list or object that is still open
    for mark in marks:
        if mark in _OPEN:
            commas.append(0)
            if len(commas) > MAX_DEPTH:
                raise Refused(400, "JSON_TOO_DEEP", "Lists and objects may nest at most 32 deep.")
        elif not commas:
            return  # more closed than opened: the parser will say where
        elif mark in _CLOSE:
            commas.pop()
        elif mark == _COMMA:
            commas[-1] += 1
            if commas[-1] >= MAX_ITEMS:
                refuse_items()


def refuse_items() -> Never:
    """Refuse a list or an object that holds more than 500."""
    raise Refused(400, "TOO_MANY_ITEMS", "A list or an object may hold at most 500 items. Send it in parts.")


def _count_pairs(root: dict[str, Any]) -> int:
    """How many `key: value` pairs the parser kept."""
    pairs = 0
    pending: list[Any] = [root]
    while pending:
        value = pending.pop()
        if type(value) is dict:
            pairs += len(value)
            value = value.values()
        pending += [inner for inner in value if type(inner) is dict or type(inner) is list]
    return pairs


def _check_texts(root: dict[str, Any]) -> None:
    pending: list[Any] = [root]
    while pending:
        value = pending.pop()
        if type(value) is str:
            check_text(value)
        elif type(value) is dict:
            pending += value.keys()
            pending += value.values()
        elif type(value) is list:
            pending += value


def check_text(text: str) -> None:
    """Refuse more than 10,000 characters, and NUL, which PostgreSQL can't hold."""
    if len(text) > MAX_TEXT:
        raise Refused(400, "STRING_TOO_LONG", "A string may have at most 10,000 characters.")
    if "\x00" in text:
        raise Refused(400, "BAD_CHARACTER", "Remove the NUL character (\\u0000): it can't be stored.")


def check_integer(digits: str) -> None:
    """Refuse a whole number beyond 64 bits, which would silently become a rounded one."""
    # Twenty characters hold every number of 64 bits; more are never converted, which would cost the square.
    if len(digits) > 20 or not MIN_INTEGER <= int(digits) <= MAX_INTEGER:
        raise Refused(
            400, "NUMBER_TOO_LARGE", "A whole number must fit 64 bits. Send a longer one as a string."
        )


def _question(query: str, asked: dict[str, Any]) -> Question:
    variables, name, extensions = asked.get("variables"), asked.get("operationName"), asked.get("extensions")
    if variables is None:
        variables = {}
    elif not isinstance(variables, dict):
        raise Refused(400, "BAD_VARIABLES", "Send variables as an object, or null.")
    if name is not None and not isinstance(name, str):
        raise Refused(400, "BAD_OPERATION_NAME", "Send operationName as a string, or null.")
    if extensions is not None and not isinstance(extensions, dict):
        raise Refused(400, "BAD_EXTENSIONS", "Send extensions as an object, or leave them out.")
    return Question(query, variables, name)
