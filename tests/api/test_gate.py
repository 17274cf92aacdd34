"""The request gate: GUARANTEES D-6, E-2 and E-5, at each limit and one over it."""

import asyncio
import json
import re
import tracemalloc
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.gate import MAX_BODY, Question, Refused, check_head, parse, read
from tests.api.attacks import BODIES, KIB, asking, nested, with_value
from tests.figures import rounds

JSON_TYPE = (b"content-type", b"application/json")
EXAMPLES = rounds(200, 5_000)


class Wire:
    """A client that sends these chunks, then leaves; it counts what was taken from it."""

    def __init__(self, chunks: Iterator[bytes], *, leaves: bool = False) -> None:
        self.chunks = chunks
        self.leaves = leaves
        self.taken = 0

    async def receive(self) -> dict[str, Any]:
        chunk = next(self.chunks, None)
        if chunk is None and self.leaves:
            return {"type": "http.disconnect"}
        self.taken += len(chunk or b"")
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}


def send(
    *chunks: bytes, headers: tuple[tuple[bytes, bytes], ...] = (JSON_TYPE,), method: str = "POST"
) -> Question:
    scope = {"type": "http", "method": method, "headers": list(headers)}
    return asyncio.run(read(scope, Wire(iter(chunks)).receive))


def refusal_of(body: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        parse(body)
    return caught.value


def peak_bytes(act: Any) -> int:
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_question_comes_through_whole() -> None:
    body = asking(
        'query Q($n: String) { viewer(note: "é \\" ") { id } }',
        variables='{"n": "ü \\ud83d\\ude00 {[,:", "list": [1, -2.5, null, true, {"a": []}]}',
        operationName='"Q"',
        extensions='{"trace": {"on": true}}',
    )
    question = Question(
        'query Q($n: String) { viewer(note: "é \\" ") { id } }',
        {"n": "ü 😀 {[,:", "list": [1, -2.5, None, True, {"a": []}]},
        "Q",
    )
    assert send(body) == question
    assert send(*(bytes([byte]) for byte in body)) == question


def test_what_is_left_out_may_also_be_null() -> None:
    assert send(asking("{ a }")) == Question("{ a }", {}, None)
    body = asking("{ a }", variables="null", operationName="null", extensions="null")
    assert send(body) == Question("{ a }", {}, None)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "post", ""])
def test_only_post_is_taken(method: str) -> None:
    with pytest.raises(Refused) as caught:
        send(asking(), method=method)
    assert (caught.value.status, caught.value.code) == (405, "METHOD_NOT_ALLOWED")
    assert caught.value.headers == {"allow": "POST"}


def test_a_websocket_is_not_taken() -> None:
    with pytest.raises(Refused) as caught:
        check_head({"type": "websocket", "headers": []})
    assert caught.value.status == 405


@pytest.mark.parametrize("kind", [
    "application/json", "Application/JSON", "application/json; charset=utf-8",
    "application/json;charset=UTF-8", 'application/json; charset="utf-8"',
    "application/json ;  charset=utf-8 ",
])  # fmt: skip
def test_json_in_utf_8_is_taken(kind: str) -> None:
    assert send(asking(), headers=((b"content-type", kind.encode()),)).variables == {}


@pytest.mark.parametrize("kinds", [
    (), ("",), ("text/plain",), ("application/x-www-form-urlencoded",), ("multipart/form-data; boundary=x",),
    ("application/graphql",), ("application/json-patch+json",), ("application/jsonx",),
    ("application/json;",), ("application/json; charset=utf-16",), ("application/json; charset=latin-1",),
    ("text/plain, application/json",), ("application/json; boundary=x",), ("application/json\x00",),
    ("application/json; charset=utf-8; charset=utf-7",), ("application/json", "application/json"),
    ("application/json", "text/plain"),
])  # fmt: skip
def test_any_other_content_type_is_refused(kinds: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as caught:
        send(asking(), headers=tuple((b"content-type", kind.encode()) for kind in kinds))
    assert (caught.value.status, caught.value.code) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "coding", ["gzip", "deflate", "br", "zstd", "identity, gzip", "GZIP", "x-gzip", "", "a"]
)
def test_a_compressed_body_is_refused_before_it_is_read(coding: str) -> None:
    wire = Wire(iter([asking()]))
    scope = {"method": "POST", "headers": [JSON_TYPE, (b"content-encoding", coding.encode())]}
    with pytest.raises(Refused) as caught:
        asyncio.run(read(scope, wire.receive))
    assert (caught.value.status, caught.value.code, wire.taken) == (415, "COMPRESSED_BODY", 0)


def filled_to(size: int) -> bytes:
    return asking("{ a } #" + "x" * (size - len(asking("{ a } #"))))


def test_a_body_may_have_256_kib_and_not_one_byte_more() -> None:
    full, over = filled_to(256 * KIB), filled_to(256 * KIB + 1)
    assert (len(full), len(over)) == (262_144, 262_145)
    for chunks in ([full], [full[:100_000], full[100_000:]]):
        assert len(send(*chunks).query) == len(full) - len(asking(""))
    for chunks in ([over], [over[:100_000], over[100_000:]], [full, b" "]):
        with pytest.raises(Refused) as caught:
            send(*chunks)
        assert (caught.value.status, caught.value.code) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize("stated", ["262145", "62914560", "9" * 400])
def test_a_stated_length_over_the_limit_is_refused_before_reading(stated: str) -> None:
    wire = Wire(iter([asking()]))
    scope = {"method": "POST", "headers": [JSON_TYPE, (b"content-length", stated.encode())]}
    with pytest.raises(Refused) as caught:
        asyncio.run(read(scope, wire.receive))
    assert (caught.value.status, caught.value.code, wire.taken) == (413, "BODY_TOO_LARGE", 0)


def test_60_mb_in_chunks_is_refused_after_256_kib_in_flat_memory() -> None:
    chunk = b"x" * 64 * KIB
    for stated in ((), ((b"content-length", b"10"),)):
        wire = Wire(chunk for _ in range(960))
        scope = {"method": "POST", "headers": [JSON_TYPE, *stated]}

        def act(scope: Mapping[str, Any] = scope, wire: Wire = wire) -> None:
            with pytest.raises(Refused) as caught:
                asyncio.run(read(scope, wire.receive))
            assert (caught.value.status, caught.value.code) == (413, "BODY_TOO_LARGE")

        assert peak_bytes(act) < 1024 * KIB
        assert wire.taken == MAX_BODY + 64 * KIB


def test_a_quarter_million_chunks_of_one_byte_are_read_in_flat_memory() -> None:
    body = filled_to(256 * KIB)
    wire = Wire(body[n : n + 1] for n in range(len(body)))
    scope = {"method": "POST", "headers": [JSON_TYPE]}
    # The body itself is held twice; the rest is the parser, which takes thirteen times what it reads.
    assert peak_bytes(lambda: asyncio.run(read(scope, wire.receive))) < 16 * MAX_BODY
    assert wire.taken == MAX_BODY


@pytest.mark.parametrize(
    "stated", [(b"10",), (b"1000",), (b"",), (b"-1",), (b"+5",), (b"1e3",), (b"5", b"5")]
)
def test_a_stated_length_that_lies_is_refused(stated: tuple[bytes, ...]) -> None:
    with pytest.raises(Refused) as caught:
        send(asking(), headers=(JSON_TYPE, *((b"content-length", length) for length in stated)))
    assert (caught.value.status, caught.value.code) == (400, "BODY_INCOMPLETE")


@pytest.mark.parametrize("chunks", [[], [b'{"query": '], [b"{", b'"query"']])
def test_a_client_that_leaves_in_the_middle_is_refused(chunks: list[bytes]) -> None:
    with pytest.raises(Refused) as caught:
        asyncio.run(read({"method": "POST", "headers": [JSON_TYPE]}, Wire(iter(chunks), leaves=True).receive))
    assert (caught.value.status, caught.value.code) == (400, "BODY_INCOMPLETE")


@pytest.mark.parametrize("attack", BODIES)
def test_a_hostile_body_is_refused_and_names_the_limit(attack: str) -> None:
    body, code = BODIES[attack]
    assert len(body) <= MAX_BODY
    refused = refusal_of(body)
    assert (refused.status, refused.code) == (400, code)
    assert not re.search(
        r"did you mean|select |\.py|/|Traceback|Error|object at", refused.message, re.IGNORECASE
    )
    assert json.loads(refused.body()) == {
        "errors": [{"message": refused.message, "extensions": {"code": code}}]
    }


@pytest.mark.parametrize("attack", [name for name, (body, _) in BODIES.items() if len(body) > 50_000])
def test_a_large_hostile_body_takes_flat_memory(attack: str) -> None:
    body, code = BODIES[attack]
    # What is refused for its structure never meets the parser, which takes thirteen times what it reads.
    unparsed = code in ("JSON_TOO_DEEP", "TOO_MANY_ITEMS", "NUMBER_TOO_LARGE", "BATCH_REFUSED")
    assert peak_bytes(lambda: refusal_of(body)) < (4 if unparsed else 16) * MAX_BODY


def keyed(count: int) -> bytes:
    return asking(variables="{" + ",".join(f'"k{n}":0' for n in range(count)) + "}")


def listed(count: int) -> str:
    return "[" + ",".join("1" * count) + "]"


@pytest.mark.parametrize(("at_limit", "over", "code"), [
    (with_value(nested(30)), with_value(nested(31)), "JSON_TOO_DEEP"),
    (with_value('{"a":' * 30 + "1" + "}" * 30), with_value('{"a":' * 31 + "1" + "}" * 31), "JSON_TOO_DEEP"),
    (asking(extensions=f'{{"": {nested(30)}}}'), asking(extensions=f'{{"": {nested(31)}}}'), "JSON_TOO_DEEP"),
    (with_value(listed(500)), with_value(listed(501)), "TOO_MANY_ITEMS"),
    (with_value(f"[{listed(500)},1]"), with_value(f"[{listed(500)},{listed(501)}]"), "TOO_MANY_ITEMS"),
    (with_value(f"[[],{listed(499)},1]"), with_value("[" + "[]," * 500 + "1]"), "TOO_MANY_ITEMS"),
    (keyed(500), keyed(501), "TOO_MANY_ITEMS"),
    (with_value(f'"{"x" * 10_000}"'), with_value(f'"{"x" * 10_001}"'), "STRING_TOO_LONG"),
    (with_value(f'["é", "{"é" * 10_000}"]'), with_value(f'["é", "{"é" * 10_001}"]'), "STRING_TOO_LONG"),
    (with_value(f'"{"😀" * 10_000}"'), with_value(f'"{"😀" * 10_001}"'), "STRING_TOO_LONG"),
    (with_value(f'{{"{"k" * 10_000}": 0}}'), with_value(f'{{"{"k" * 10_001}": 0}}'), "STRING_TOO_LONG"),
    (with_value("9223372036854775807"), with_value("9223372036854775808"), "NUMBER_TOO_LARGE"),
    (with_value("-9223372036854775808"), with_value("-9223372036854775809"), "NUMBER_TOO_LARGE"),
    (with_value("1e308"), with_value("1e309"), "BAD_JSON"),
    (with_value('{"a": {"a": {"a": 1}}}'), with_value('{"a": {"a": {"a": 1}, "a": 1}}'), "DUPLICATE_KEY"),
])  # fmt: skip
def test_each_limit_is_taken_and_one_over_it_is_refused(at_limit: bytes, over: bytes, code: str) -> None:
    assert parse(at_limit).query == "{ viewer { id } }"
    assert refusal_of(over).code == code


@pytest.mark.parametrize("raw", [
    "12345678901234567890.5", "0.1234567890123456789012345", "1.5e-00000000000000000000000000001",
    "1E+00000000000000000000000001", "-0", "0.0", '"12345678901234567890123"', '"[[[[,,,,::::"',
])  # fmt: skip
def test_numbers_that_only_look_too_large_and_strings_that_look_like_structure_are_taken(raw: str) -> None:
    assert parse(with_value(raw)).variables == {"v": json.loads(raw)}


def test_strings_are_told_from_structure_wherever_the_body_is_cut_to_be_scanned() -> None:
    tricky = '["]", "\\\\", "\\"[{,:", {"\\\\\\"": [",", 1]}, ""]'
    for pad in range(16_384 - 100, 16_384 + 10):
        body = asking("x" * pad, variables=f'{{"v": {tricky}}}')
        assert parse(body).variables["v"] == json.loads(tricky)
        twice = asking("x" * pad, variables=f'{{"v": {tricky}, "w": {{":": 1, ":": 2}}}}')
        assert refusal_of(twice).code == "DUPLICATE_KEY"


def taken_or_refused(body: bytes) -> Question | Refused:
    try:
        return parse(body)
    except Refused as refused:
        return refused


@pytest.mark.prove
@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda end: asking()[:-1] + end))
def test_arbitrary_bytes_raise_nothing_but_a_refusal(body: bytes) -> None:
    assert isinstance(taken_or_refused(body), Question | Refused)


HEADERS = st.tuples(
    st.sampled_from([b"content-type", b"content-length", b"content-encoding", b"x"]),
    st.binary(max_size=20) | st.sampled_from([b"application/json", b"identity", b"0", b"262144", b"262145"]),
)


@pytest.mark.prove
@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(HEADERS, max_size=5))
def test_arbitrary_headers_raise_nothing_but_a_refusal(headers: list[tuple[bytes, bytes]]) -> None:
    named = {name: value for name, value in headers if name != b"x"}
    once = len(named) == sum(name != b"x" for name, _ in headers)
    try:
        stated = check_head({"method": "POST", "headers": headers})
    except Refused:
        return
    assert once
    assert named[b"content-type"].lower().startswith(b"application/json")
    assert named.get(b"content-encoding", b"identity") == b"identity"
    assert stated == (int(named[b"content-length"]) if b"content-length" in named else None)


class Pairs(list[Any]):
    """A JSON object as it may be written: with the same key more than once."""


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
LEAVES = st.none() | st.booleans() | st.integers() | st.integers(2**62, 2**66) | st.floats() | ANY_TEXT
KEYS = st.sampled_from(["a", "b", 'c"', "d{[,:", "\\"])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=5) | st.lists(st.tuples(KEYS, inner), max_size=4).map(Pairs),
    max_leaves=12,
)


def written(tree: Any) -> str:
    if isinstance(tree, Pairs):
        return "{" + ", ".join(f"{json.dumps(key)} :{written(value)}" for key, value in tree) + "}"
    if isinstance(tree, list):
        return "[ " + ",".join(map(written, tree)) + "]"
    readable = isinstance(tree, str) and tree.isprintable()
    return json.dumps(tree, ensure_ascii=not readable)


def wrong_with(raw: str) -> set[str]:
    """What a plain reader finds wrong, by Python's own parser."""
    found: set[str] = set()

    def integer(digits: str) -> int:
        if not -(2**63) <= int(digits) < 2**63:
            found.add("NUMBER_TOO_LARGE")
        return int(digits)

    def pairs(read: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(read)) < len(read):
            found.add("DUPLICATE_KEY")
        texts.extend(key for key, _ in read)
        return dict(read)

    texts: list[str] = []
    json.loads(
        raw, parse_int=integer, object_pairs_hook=pairs, parse_constant=lambda _: found.add("BAD_JSON")
    )
    texts += [json.loads(string) for string in re.findall(r'"(?:[^"\\]|\\.)*"', raw)]
    if any("\ud800" <= letter <= "\udfff" for text in texts for letter in text):
        found.add("BAD_JSON")
    if any("\x00" in text for text in texts):
        found.add("BAD_CHARACTER")
    return found


@pytest.mark.prove
@settings(max_examples=EXAMPLES, deadline=None)
@given(TREES)
def test_arbitrary_json_is_taken_exactly_when_a_plain_reader_finds_nothing_wrong(tree: Any) -> None:
    raw = written(tree)
    answer = taken_or_refused(with_value(raw))
    wrong = wrong_with(raw)
    if wrong:
        assert isinstance(answer, Refused)
        assert answer.code in wrong
    else:
        assert answer == Question("{ viewer { id } }", {"v": json.loads(raw)}, None)
