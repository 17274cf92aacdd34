"""Hostile bodies for the gate and documents for the guard, each with the code that must refuse it."""

from api.guard import TOKENS
from api.survey import FRAGMENTS

KIB = 1024


def asking(query: str = "{ viewer { id } }", **more: str) -> bytes:
    """A request's body with raw JSON in its other keys: `asking(variables='{"a": 1}')`."""
    escaped = query.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    parts = [f'"query": "{escaped}"', *(f'"{key}": {raw}' for key, raw in more.items())]
    return ("{" + ", ".join(parts) + "}").encode()


def with_value(raw: str) -> bytes:
    """A body whose only variable is the given JSON."""
    return asking(variables=f'{{"v": {raw}}}')


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "NOT_AN_OBJECT"),
    "spaces": (b" \n\t", "NOT_AN_OBJECT"),
    "a string": (b'"{ viewer { id } }"', "NOT_AN_OBJECT"),
    "a string holding JSON": (b'"{\\"query\\": \\"{ a }\\"}"', "NOT_AN_OBJECT"),
    "a number": (b"1", "NOT_AN_OBJECT"),
    "null": (b"null", "NOT_AN_OBJECT"),
    "a form": (b"query=%7Bviewer%7Bid%7D%7D", "NOT_AN_OBJECT"),
    "multipart": (
        b'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{}\r\n--x--',
        "NOT_AN_OBJECT",
    ),
    "a batch": (b"[" + asking() + b"]", "BATCH_REFUSED"),
    "a batch after spaces": (b" \r\n[" + asking() + b"," + asking() + b"]", "BATCH_REFUSED"),
    "an empty batch": (b"[]", "BATCH_REFUSED"),
    "two objects": (asking() + asking(), "BAD_JSON"),
    "cut off": (asking()[:-1], "BAD_JSON"),
    "a string without end": (b'{"query": "{ viewer', "BAD_JSON"),
    "a string without end, all escapes": (b'{"query": "' + b'\\"' * 100_000, "BAD_JSON"),
    "a trailing comma": (b'{"query": "{ a }",}', "BAD_JSON"),
    "a comment": (b'{"query": "{ a }" /* hm */}', "BAD_JSON"),
    "single quotes": (b"{'query': '{ a }'}", "BAD_JSON"),
    "a byte order mark": (b"\xef\xbb\xbf" + asking(), "NOT_AN_OBJECT"),
    "UTF-16": (asking().decode().encode("utf-16-le"), "BAD_JSON"),
    "Latin-1": (asking("{ Ä }").decode().encode("latin-1"), "BAD_JSON"),
    "overlong UTF-8": (asking().replace(b"viewer", b"vi\xc0\xafwer"), "BAD_JSON"),
    "a raw NUL": (asking().replace(b"viewer", b"vi\x00wer"), "BAD_JSON"),
    "NUL after the end": (asking() + b"\x00", "BAD_JSON"),
    "a raw line break in a string": (asking().replace(b"viewer", b"vi\nwer"), "BAD_JSON"),
    "NaN": (with_value("NaN"), "BAD_JSON"),
    "Infinity": (with_value("Infinity"), "BAD_JSON"),
    "minus Infinity": (with_value("-Infinity"), "BAD_JSON"),
    "a fraction that becomes Infinity": (with_value("1e999"), "BAD_JSON"),
    "a lone high surrogate": (with_value('"\\ud800"'), "BAD_JSON"),
    "a lone low surrogate": (with_value('"\\udc00 x"'), "BAD_JSON"),
    "a lone surrogate as a key": (with_value('{"\\ud800": 1}'), "BAD_JSON"),
    "a lone surrogate in bytes": (with_value('"x"').replace(b"x", b"\xed\xa0\x80"), "BAD_JSON"),
    "an escaped NUL": (with_value('"a\\u0000b"'), "BAD_CHARACTER"),
    "an escaped NUL in a key": (with_value('{"a\\u0000b": 1}'), "BAD_CHARACTER"),
    "a number beyond 64 bits": (with_value("9223372036854775808"), "NUMBER_TOO_LARGE"),
    "a number below 64 bits": (with_value("-9223372036854775809"), "NUMBER_TOO_LARGE"),
    "a number of 100,000 digits": (with_value("9" * 100_000), "NUMBER_TOO_LARGE"),
    "the same key twice": (b'{"query": "{ a }", "query": "{ b }"}', "DUPLICATE_KEY"),
    "the same key twice, once escaped": (b'{"query": "{ a }", "qu\\u0065ry": "{ b }"}', "DUPLICATE_KEY"),
    "variables twice": (asking(variables='{"a": 1}, "variables": {"a": 2}'), "DUPLICATE_KEY"),
    "the same key twice, deep": (with_value('[{"a": [{"b": 1, "b": 1}]}]'), "DUPLICATE_KEY"),
    "the same key twice in extensions": (asking(extensions='{"a": 1, "a": 2}'), "DUPLICATE_KEY"),
    "an unknown key": (asking(id='"1"'), "UNKNOWN_KEY"),
    "no query": (b"{}", "BAD_QUERY"),
    "a persisted query": (b'{"extensions": {"persistedQuery": {"version": 1}}}', "BAD_QUERY"),
    "an empty query": (asking(""), "BAD_QUERY"),
    "query null": (b'{"query": null}', "BAD_QUERY"),
    "query a list": (b'{"query": ["{ a }"]}', "BAD_QUERY"),
    "query an object": (b'{"query": {"a": "b"}}', "BAD_QUERY"),
    "variables a string": (asking(variables='"{}"'), "BAD_VARIABLES"),
    "variables a list": (asking(variables="[]"), "BAD_VARIABLES"),
    "variables false": (asking(variables="false"), "BAD_VARIABLES"),
    "operationName a number": (asking(operationName="1"), "BAD_OPERATION_NAME"),
    "extensions a list": (asking(extensions="[]"), "BAD_EXTENSIONS"),
    "extensions zero": (asking(extensions="0"), "BAD_EXTENSIONS"),
    "100,000 lists in each other": (with_value("[" * 100_000), "JSON_TOO_DEEP"),
    "100,000 lists in each other, closed": (with_value(nested(100_000)), "JSON_TOO_DEEP"),
    "50,000 objects in each other": (with_value('{"a":' * 50_000), "JSON_TOO_DEEP"),
    "100,000 lists as the body": (b"[" * 100_000, "BATCH_REFUSED"),
    "100,000 items": (with_value("[" + ",".join("1" * 100_000) + "]"), "TOO_MANY_ITEMS"),
    "60,000 empty objects": (with_value("[" + ",".join(["{}"] * 60_000) + "]"), "TOO_MANY_ITEMS"),
    "20,000 keys": (
        asking(variables="{" + ",".join(f'"k{n}":1' for n in range(20_000)) + "}"),
        "TOO_MANY_ITEMS",
    ),
    "a string of 200,000": (with_value('"' + "x" * 200_000 + '"'), "STRING_TOO_LONG"),
    "a key of 200,000": (with_value('{"' + "x" * 200_000 + '": 1}'), "STRING_TOO_LONG"),
    "an operationName of 200,000": (asking(operationName='"' + "x" * 200_000 + '"'), "STRING_TOO_LONG"),
}


def doubled(spreads: int, fragments: int, leaf: str = "id") -> str:
    """Fragments that each spread the next `spreads` times: spreads ** (fragments - 1) leaves if expanded."""
    chain = [
        f"fragment F{n} on Customer {{ {f'...F{n + 1} ' * spreads if n < fragments - 1 else leaf} }}"
        for n in range(fragments)
    ]
    return "{ customer(id: 1) { ...F0 } } " + " ".join(chain)


def fields(count: int, name: str = "id") -> str:
    return " ".join([name] * count)


def chain_of(depth: int) -> str:
    """Fields nested to exactly this depth."""
    return "{ viewer " + "{ parent " * (depth - 2) + "{ id }" + " }" * (depth - 2) + " }"


DOCUMENTS: dict[str, tuple[str, str]] = {
    "nothing": (" ", "BAD_SYNTAX"),
    "not GraphQL": ("select 1", "BAD_SYNTAX"),
    "a quote without end": ('{ a(x: "', "BAD_SYNTAX"),
    "a lone surrogate": ('{ a(x: "\\ud800") }', "BAD_SYNTAX"),
    "tokens": ("{" + "a " * TOKENS + "}", "TOO_MANY_TOKENS"),
    "comments": ("#\n" * 100_000 + "{ viewer { id } }", "TOO_MANY_TOKENS"),
    "braces": ("{a" * 480 + "}" * 30, "TOO_DEEP"),
    "fields 330 deep": ("{a" * 330 + "}" * 330, "TOO_DEEP"),
    "inline fragments 300 deep": ("{" + "...{" * 300 + "id" + "}" * 301, "TOO_DEEP"),
    "lists 400 deep in a literal": ("{ a(x: " + nested(400) + ") }", "TOO_DEEP"),
    "lists 60 deep in a literal": ("{ a(x: " + nested(60) + ") }", "JSON_TOO_DEEP"),
    "lists 60 deep in a type": ("query ($a: " + "[" * 60 + "Int" + "]" * 60 + ") { a }", "JSON_TOO_DEEP"),
    "two operations": ("query A { viewer { id } } query B { viewer { id } }", "ONE_OPERATION"),
    "no operation": ("fragment F on Customer { id }", "ONE_OPERATION"),
    "a type": ("{ viewer { id } } type T { a: Int }", "DEFINITION_REFUSED"),
    "an extension": ("extend type Query { a: Int }", "DEFINITION_REFUSED"),
    "a subscription": ("subscription { viewer { id } }", "SUBSCRIPTION_REFUSED"),
    "@defer": ("{ ...@defer { viewer { id } } }", "INCREMENTAL_REFUSED"),
    "@defer in a fragment": (
        "{ ...F } fragment F on Query { ...@defer { viewer { id } } }",
        "INCREMENTAL_REFUSED",
    ),
    "@stream": ("{ customers { nodes @stream(initialCount: 1) { id } } }", "INCREMENTAL_REFUSED"),
    "doubled to 2^30": (doubled(4, 16), "TOO_MANY_SELECTIONS"),
    "tripled to 3^19": (doubled(3, 20), "TOO_MANY_SELECTIONS"),
    "doubled to 2^60": (doubled(9, FRAGMENTS), "TOO_MANY_SELECTIONS"),
    "doubled aliases": (doubled(4, 16, "a: id"), "TOO_MANY_ALIASES"),
    "doubled directives": (doubled(4, 16, "id @skip(if: false)"), "TOO_MANY_DIRECTIVES"),
    "doubled under an empty page": (
        doubled(8, 20).replace(
            "{ customer(id: 1) { ...F0 } }", "{ customers(first: 0) { nodes { ...F0 } } }"
        ),
        "TOO_MANY_SELECTIONS",
    ),
    "a cycle of one": ("{ viewer { ...A } } fragment A on Viewer { ...A }", "FRAGMENT_CYCLE"),
    "a cycle of two": (
        "{ viewer { ...A } } fragment A on Viewer { parent { ...B } } fragment B on Viewer { ...A ...A }",
        "FRAGMENT_CYCLE",
    ),
    "a cycle aside": (
        "{ viewer { id } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }",
        "UNUSED_FRAGMENT",
    ),
    "the same fragment twice": (
        "{ viewer { ...A } } fragment A on Viewer { id } fragment A on Viewer { parent { id } }",
        "DUPLICATE_FRAGMENT",
    ),
    "100 aliases": ("{ viewer { " + " ".join(f"a{n}: id" for n in range(100)) + " } }", "TOO_MANY_ALIASES"),
    "140 directives": ("{ viewer { id " + "@skip(if: false) " * 140 + "} }", "TOO_MANY_DIRECTIVES"),
    "300 unknown directives": ("{ viewer { id " + "@a " * 300 + "} }", "TOO_MANY_DIRECTIVES"),
    "directives on variables": (
        "query ($a: Int " + "@a " * 300 + ") { viewer { id } }",
        "TOO_MANY_DIRECTIVES",
    ),
    "300 roots": ("{" + "viewer{id}" * 240 + "}", "TOO_MANY_ROOT_FIELDS"),
    "one field 900 times": ("{ viewer { " + fields(900) + " } }", "TOO_MANY_REPEATS"),
    "one field 900 times in a grid": (
        "{ viewer { " + f"parent {{ {fields(29)} }} " * 30 + "} }",
        "TOO_MANY_REPEATS",
    ),
    "an empty selection": ("{ viewer { } }", "EMPTY_SELECTION"),
    "an empty document": ("{ }", "EMPTY_SELECTION"),
    "an alias of 200,000": ("{ " + "a" * 200_000 + ": viewer { id } }", "NAME_TOO_LONG"),
    "a literal of 200,000": ('{ customer(id: "' + "a" * 200_000 + '") { id } }', "STRING_TOO_LONG"),
    "a block literal of 200,000": ('{ customer(id: """' + "a" * 200_000 + '""") { id } }', "STRING_TOO_LONG"),
    "a number of 100,000 digits": (
        "{ customers(first: " + "9" * 100_000 + ") { totalCount } }",
        "NUMBER_TOO_LARGE",
    ),
    "a default of 100,000 digits": (
        "query ($n: Int = " + "9" * 100_000 + ") { viewer { id } }",
        "NUMBER_TOO_LARGE",
    ),
    "an infinite fraction": ("{ customer(id: 1e999) { id } }", "NUMBER_TOO_LARGE"),
    "NUL in a literal": ('{ customer(id: "\\u0000") { id } }', "BAD_CHARACTER"),
    "501 items in a literal": ("{ customers(ids: [" + "1 " * 501 + "]) { totalCount } }", "TOO_MANY_ITEMS"),
    "introspection without end": (
        "{ __schema { types { fields { type { fields { name } } } } } }",
        "INTROSPECTION_TOO_DEEP",
    ),
    "introspection through a fragment": (
        "{ __schema { types { fields { type { ...T } } } } } fragment T on __Type { possibleTypes { name } }",
        "INTROSPECTION_TOO_DEEP",
    ),
    "ofType 40 deep": ('{ __type(name: "A") ' + "{ ofType " * 26 + "{ name }" + " }" * 27, "TOO_DEEP"),
    "__schema 6 times": (
        "{" + " ".join(f"a{n}: __schema {{ queryType {{ name }} }}" for n in range(6)) + "}",
        "TOO_EXPENSIVE",
    ),
    "a nest of 50 by 50 by 50": (
        "{ customers(first: 50) { nodes { invoices(first: 50) { nodes { payments(first: 50) { nodes { id } } "
        "} } } } }",
        "TOO_EXPENSIVE",
    ),
    "a page of a million": ("{ customers(first: 1000000) { nodes { id } } }", "PAGE_TOO_LARGE"),
}
