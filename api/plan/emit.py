"""JSON as text, put together by the database: the only place that knows how.

A value is a list of parts: plain texts are JSON we wrote ourselves, `Sql` are expressions of type text. The
surprise: one NULL among concatenated texts swallows the whole object without a word, so every `Sql` must be
one that is never NULL; `scalar` sees to it, and `must` is a function in the database that raises.
"""

from collections.abc import Iterable, Sequence


class Sql(str):
    """An SQL expression of type text that is never NULL."""

    __slots__ = ()


Json = Sequence[str]
"""JSON text in parts: `Sql` is computed by the database, any other text stands as it is."""

NULL: Json = ("null",)


def obj(pairs: Iterable[tuple[Json, Json]]) -> Json:
    """An object of keys (each with its colon) and values."""
    parts: list[str] = ["{"]
    for key, value in pairs:
        parts += [*key, *value, ","]
    parts[-1:] = ["}"] if len(parts) > 1 else ["{", "}"]
    return parts


def rows(array: str) -> Json:
    """A list, from an SQL expression that is an array of JSON texts."""
    return ("[", Sql(f"coalesce(array_to_string({array},','),'')"), "]")


def text(json: Json) -> str:
    """The parts as one SQL expression; texts beside each other become one."""
    merged: list[str] = []
    written = ""
    for part in json:
        if isinstance(part, Sql):
            if written:
                merged.append(quoted(written))
                written = ""
            merged.append(part)
        else:
            written += part
    if written or not merged:
        merged.append(quoted(written))
    return "||".join(merged)


def quoted(text: str) -> str:
    """Text of ours as an SQL literal. Never for anything that was sent."""
    return "'" + text.replace("'", "''") + "'"


def every(conditions: Iterable[str]) -> str:
    """All the conditions as one."""
    # In brackets: an "or" among them would let in rows that the others keep out, another tenant's too.
    return " and ".join(f"({condition})" for condition in conditions)


_FORMS = {
    "String": "to_json({})::text",
    "Int": "({})::text",
    "Boolean": "({})::text",
    "JSON": "({})::text",
    "[String!]": "array_to_json({})::text",
    "[ID!]": "array_to_json({})::text",
    "[Date!]": "array_to_json({})::text",
}
# Of these the text holds nothing to escape: choices are CHECKed by the database.
_QUOTED = {
    "Date": "to_char({},'YYYY-MM-DD')",
    "DateTime": """to_char(({}) at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
}


def scalar(expression: str, kind: str, *, nullable: bool, sure: bool, name: str, places: int = 0) -> Json:
    """One value of the GraphQL type `kind`.

    `sure` says the database promises it is not NULL (a NOT NULL column). If it isn't sure, null is written
    where the schema allows it; elsewhere the statement fails, naming the field, rather than lose the row.
    """
    if kind in _FORMS:
        form = _FORMS[kind].format(expression)
        return _present([Sql(form)], form, nullable, sure, name)
    form = (
        _decimal(expression, places)
        if kind == "Decimal"
        else _QUOTED.get(kind, "({})::text").format(expression)
    )
    return _present(['"', Sql(form), '"'], form, nullable, sure, name)


def _decimal(expression: str, places: int) -> str:
    # Numeric, so exact. Cents keep their zeros.
    exact = f"({expression}*{10**-places:.{places}f})"
    return f"{exact}::text" if places == 2 else f"trim_scale({exact})::text"


def global_id(prefix: str, expression: str, *, nullable: bool = False) -> Json:
    """A record's id as the outside sees it."""
    digits = f"replace(({expression})::text,'-','')"
    if nullable:
        return [Sql(f"coalesce({quoted(chr(34) + prefix + '_')}||{digits}||'\"','null')")]
    return [f'"{prefix}_', Sql(digits), '"']


def _present(plain: Json, form: str, nullable: bool, sure: bool, name: str) -> Json:
    if sure:
        return plain
    if nullable:
        return [Sql(f"coalesce({text([*plain])},'null')")]
    return [
        part if not isinstance(part, Sql) else Sql(f"coalesce({form},must({quoted(name)}))") for part in plain
    ]
