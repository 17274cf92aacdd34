"""The tenancy table of what the API reads: every place for an id x actor x {own, strange, absent, malformed}.

The places are made from the schema, and whose a record is from the rows (GUARANTEES A-1, A-4, O1, O5).
"""

from datetime import datetime

import pytest
from graphql import get_named_type
from sqlalchemy import Connection

from api.nouns import NOUNS
from api.schema import GRAPHQL
from db.session import Database
from tests.api.conftest import client, reader
from tests.cast import Cast
from tests.figures import PROVING, rounds
from tests.tenancy.asking import EVERYBODY, GROUPS, Table, said, table_of
from tests.tenancy.places import WORDS, WRAPPERS, Place, documents, fields_that_read, places
from tests.tenancy.stage import Stage

__all__ = ["client", "reader"]
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(1800)]

PLACES = places()
WRAPPED = {(name,) for name in WRAPPERS}
READ_WHOLE = {"ada": Stage.sees("ada"), "carl": {"northwind", "acme", "acmeown"}}
if PROVING:
    READ_WHOLE |= {"mallory": Stage.sees("mallory"), "gus": {"northwind", "globex", "globexown"}}
AT = {"Customer": "cus", "CustomerImport": "imp", "User": "invited", "Invoice": "inv", "Payment": "pay"} | {
    "InvoiceImport": "iim",
    "InvoiceThread": "thr",
    "CreditNote": "crn",
    "OutsidePayment": "opm",
    "RecurringInvoice": "rin",
}
# Where another record of that kind is the one that has some.
AT_FIELD = {("Invoice", "creditNotes"): "credited", ("Invoice", "creditApplications"): "applied"}


@pytest.fixture
def table(
    client: object, database: Database, owner: Connection, cast: Cast, now: datetime, stage: Stage
) -> Table:
    return table_of(client, database, owner, cast, now, stage)  # type: ignore[arg-type]


def tried(actor: int, place: int) -> bool:
    """Is it this cell's turn? In the small run, each place meets a few actors and each actor many places."""
    return (actor + place) % rounds(19, 1) == 0


def at(table: Table, name: str, place: Place) -> dict[str, str]:
    """The record whose field a place belongs to, as a variable."""
    if place.owner == "Query":
        return {}
    if place.owner == "Partner":
        own = table.own(name, "Partner")
        return {"at": own[0] if own else table.nobody["Partner"]}
    kind = AT_FIELD.get((place.owner, place.field)) or AT[place.owner]
    return {"at": table.stage.ids[table.who[name].home][kind]}


async def test_every_id_that_goes_in_or_out_has_its_row() -> None:
    assert {place.owner for place in PLACES} - {"Query", "Partner", *AT} == set()
    assert {place.noun for place in PLACES} == set(NOUNS)
    takes = {
        (owner, name) for owner, name, field in fields_that_read() if {"id", "ids", "where"} & set(field.args)
    }
    assert {(place.owner, place.field) for place in PLACES} == takes
    given = {
        name
        for kind in GRAPHQL.type_map.values()
        for name, field in getattr(kind, "fields", {}).items()
        if hasattr(field, "args") and get_named_type(field.type).name == "ID"
    }
    listed = {"sendToIds", "leftOutIds", "tagIds"}
    assert given == {"id", "subjectId", "actorId", "deletedId", "authorId", "recordId", *listed}


@pytest.mark.prove
@pytest.mark.parametrize("group", GROUPS)
async def test_a_strange_id_is_as_good_as_none_and_an_own_one_brings_the_record(
    table: Table, group: str
) -> None:
    brought = 0
    for name in GROUPS[group]:
        for number, place in enumerate(PLACES):
            if tried(EVERYBODY.index(name), number):
                await _strange(table, name, place, number)
                brought += await _own(table, name, place)
    print(f"{group}: {table.cells} cells")
    assert table.cells > rounds(150, 4000)
    assert brought > rounds(0, 60)


async def _strange(table: Table, name: str, place: Place, number: int) -> None:
    document, where = place.document(), at(table, name, place)
    absent = table.nobody[place.noun]
    answer = await table.ask(name, document, {**where, "x": place.value(absent)})
    nothing = said(answer, absent)
    assert answer.status < 500, (name, str(place), answer.body)
    # The forms of nonsense take turns: each place meets one, each form many places.
    strange, broken = table.strange(name, place.noun), table.broken(place.noun)
    broken = broken[number % len(broken) :][:1]
    for id_ in [*strange, *broken]:
        found = await table.ask(name, document, {**where, "x": place.value(id_)})
        if id_ in broken and place.field in ("node", "nodes"):
            # Of no kind or another one, for which another right may lack; nothing is there either way.
            null = found.status == 200 and found.data in ({"node": None}, {"nodes": [None]})
            assert null or found.status == 403 or said(found, id_) == nothing, (name, str(place), id_)
        else:
            # The partner's log names a customer's own tags by id: also where nobody asked for one.
            alike = (nothing[0], nothing[1].replace(id_.encode(), b"<id>") if id_ else nothing[1])
            assert said(found, id_) == alike, (name, str(place), id_)
        assert table.leaks(name, found.body, [id_]) == set(), (name, str(place))
        table.cells += 1


async def _own(table: Table, name: str, place: Place) -> bool:
    """Did the record come? It must where the actor may read its noun."""
    own = table.own(name, place.noun)
    if not own:
        return False
    answer = await table.ask(name, place.document(), {**at(table, name, place), "x": place.value(own[0])})
    table.cells += 1
    assert table.leaks(name, answer.body) == set(), (name, str(place))
    if place.owner != "Query" or place.argument == "where":
        return False
    actor, needs = table.who[name].actor, NOUNS[place.noun].needs
    may = actor is not None and (needs is None or actor.may(needs))
    assert (answer.status == 200) == may, (name, str(place), answer.body)
    assert (f'"id":"{own[0]}"'.encode() in answer.body) == may, (name, str(place), answer.body)
    return may


@pytest.mark.prove
async def test_every_place_tells_own_ids_from_absent_ones(table: Table) -> None:
    """Or the table would show nothing there."""
    for place in PLACES if PROVING else [place for place in PLACES if place.path[:1] not in WRAPPED]:
        if (place.owner, place.field) == ("Partner", "users") and "customer" in place.path:
            continue  # staff have no customer: whichever is asked for, none of them is of it
        found = False
        for name in ("ada", "carl"):
            where, absent = at(table, name, place), table.nobody[place.noun]
            nothing = await table.ask(name, place.document(), {**where, "x": place.value(absent)})
            for id_ in table.own(name, place.noun) if nothing.status == 200 else ():
                answer = await table.ask(name, place.document(), {**where, "x": place.value(id_)})
                found = found or answer.body != nothing.body
                if found:
                    break
        assert found, str(place)


@pytest.mark.prove
@pytest.mark.parametrize("group", GROUPS)
async def test_nobody_reads_a_word_or_an_id_that_is_not_theirs(table: Table, group: str) -> None:
    plainly, wholly = documents(staff=False), documents(staff=True)
    read: dict[str, set[str]] = {name: set() for name in GROUPS[group]}
    for name in GROUPS[group]:
        for number, (document, noun) in enumerate([*plainly, *wholly]):
            whole = name in READ_WHOLE and (number >= len(plainly)) == (name in GROUPS["staff"])
            if not whole and not tried(EVERYBODY.index(name), number):
                continue
            variables = {"id": (table.own(name, noun) or [table.nobody[noun]])[0]} if noun else {}
            answer = await table.ask(name, document, variables)
            assert answer.status < 500, (name, document, answer.body)
            assert table.leaks(name, answer.body) == set(), (name, document)
            read[name] |= table.stage.foreign("anonymous", answer.body.decode())
            table.cells += 1
    # What the small run reads whole holds every word there is for them.
    for name in set(READ_WHOLE) & set(read):
        assert read[name] == READ_WHOLE[name]


READERS = ("ada", "mallory", "carl", "gus", "acme_token", "northwind_key")


@pytest.mark.prove
async def test_a_cursor_of_somebody_else_leads_to_nothing_of_theirs(table: Table) -> None:
    met = 0
    listed = [place for place in PLACES if place.path == ("id", "eq")]
    for turn, name in enumerate(READERS):
        home = table.who[name].home
        others = [other for other in ("ada", "mallory", "gus", "ines") if table.who[other].home != home]
        for number, place in enumerate(listed):
            if (turn + number) % rounds(3, 1) == 0:
                for other in others:
                    met += await _led(table, name, other, place)
    assert met > rounds(10, 50)


async def _led(table: Table, name: str, other: str, place: Place) -> int:
    """Go on from a cursor of somebody else's answer, forth and back. How often records came."""
    document = place.document().replace(f"$x: {place.kind}", "$after: String, $before: String")
    document = document.replace("where: $x, first: 50", "after: $after, before: $before, first: 50")
    whole = await table.ask(other, document, at(table, other, place))
    cursor, met = _cursor(whole.json), 0
    for bound in ({"after": cursor}, {"before": cursor}) if cursor else ():
        answer = await table.ask(name, document, {**at(table, name, place), **bound})
        assert answer.status in (200, 403), (name, str(place), answer.body)
        assert table.leaks(name, answer.body) == set(), (name, str(place))
        table.cells += 1
        met += b'"id"' in answer.body
    return met


def _cursor(found: object) -> str | None:
    """The one cursor in an answer, if there is."""
    if isinstance(found, dict):
        inner = [found["endCursor"]] if "endCursor" in found else [_cursor(value) for value in found.values()]
        return next((cursor for cursor in inner if cursor), None)
    return None


@pytest.mark.prove
async def test_a_word_of_somebody_else_finds_what_no_word_finds(table: Table) -> None:
    """Filters and search by what only others have written (A-4)."""
    asked = [
        Place(owner, name, "search", "String", (), "", several=False)
        for owner, name, field in fields_that_read()
        if "search" in field.args
    ]
    asked += [
        Place(place.owner, place.field, "where", place.kind, (*place.path, way), place.noun, several=False)
        for place in places(WORDS)
        for way in ("contains", "startsWith", "eq", "gt")
        if place.path[0] not in WRAPPERS
    ]
    for turn, name in enumerate(READERS):
        for number, place in enumerate(asked):
            if place.argument == "search" or (turn + number) % rounds(23, 1) == 0:
                await _worded(table, name, place)
    assert table.cells > rounds(60, 2000)


async def _worded(table: Table, name: str, place: Place) -> None:
    everyone = {"acme", "globex", "initech", "acmenote", "globexnote", "initechnote", "contosostaff"}
    document, where = place.document(), at(table, name, place)
    for word in sorted(everyone - table.stage.sees(name)):
        # Alphabetical neighbours, so that `gt` has nothing but the strange record between them.
        answers = [
            await table.ask(name, document, {**where, "x": place.value(f"zz-{word}{end}")})
            for end in ("", "-qqq")
        ]
        assert answers[0].body == answers[1].body, (name, str(place), word)
        assert table.leaks(name, answers[0].body) == set(), (name, str(place))
        table.cells += 1
