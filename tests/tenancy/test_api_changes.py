"""The tenancy table of what the API changes: mutation x place for an id x actor x {strange, absent, none}.

The mutations and their places come from the schema by way of the table of mutations, which fails for one it
has no input for (GUARANTEES A-1, A-4, O1, O3, O5).
"""

from datetime import datetime
from typing import Any

import pytest
from graphql import get_named_type
from sqlalchemy import Connection, text

from api.nouns import NOUNS
from api.schema import GRAPHQL, changes
from db.session import Database
from tests.api.conftest import reader, writer
from tests.api.mutations import SAMPLES, Sample
from tests.api.writing import Things, Writer, things_of
from tests.cast import Cast
from tests.conftest import Cluster
from tests.figures import rounds
from tests.tenancy.asking import EVERYBODY, GROUPS, Table, said, table_of
from tests.tenancy.places import plain, ways
from tests.tenancy.stage import Stage, fill
from tests.world import nothing_changes

__all__ = ["reader", "writer"]
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(1800)]

CELLS = [(sample, path) for sample in SAMPLES for path in sample.records]
PREFIXES = {noun.prefix: noun.name for noun in NOUNS.values()}
# What takes records away, or keeps people out, comes last.
LAST = ("archive", "delete", "disable", "end", "remove", "revoke", "void")
CUSTOMERS_SIDE = ("carl", "petra", "vera", "gus", "ines", "acme_token")
Sides = dict[str, Things]


@pytest.fixture
def stocked(cluster: Cluster, cast: Cast, now: datetime) -> tuple[str, tuple[Sides, Stage]]:
    """A template with one of everything for each customer, to name in right inputs, and the stage."""

    def made(database: Database, owner: Connection) -> tuple[Sides, Stage]:
        sides = {name: things_of(database, owner, cast, name, now) for name in ("acme", "globex", "initech")}
        # The stage brings its own default methods.
        owner.execute(text("update payment_method set is_default = false"))
        return sides, fill(database, owner, cast, now)

    return cluster.stocked("sides before the stage", made)


@pytest.fixture
def template(stocked: tuple[str, tuple[Sides, Stage]]) -> str:
    return stocked[0]


@pytest.fixture
def sides(stocked: tuple[str, tuple[Sides, Stage]]) -> Sides:
    return stocked[1][0]


@pytest.fixture
def table(
    stocked: tuple[str, tuple[Sides, Stage]], writer: Writer, database: Database, owner: Connection,
    cast: Cast, now: datetime,
) -> Table:  # fmt: skip
    return table_of(writer.client, database, owner, cast, now, stocked[1][1])


def document(mutation: str) -> str:
    """A mutation that asks for everything plain its payload has."""
    kind: Any = get_named_type(GRAPHQL.mutation_type.fields[mutation].type)  # type: ignore[union-attr]
    asked = [plain(kind, staff=True)]
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        if inner.name in NOUNS:
            asked.append(f"{name} {{ {plain(inner)} }}")
    input_name = f"{mutation[0].upper()}{mutation[1:]}Input"
    return f"mutation($input: {input_name}!) {{ {mutation}(input: $input) {{ {' '.join(asked)} }} }}"


def own_of(table: Table, sides: Sides, name: str) -> Things:
    """Everything that an actor's right input names."""
    own = sides[table.who[name].home]
    if name not in CUSTOMERS_SIDE:
        return own
    # For them no draft is there, and the partner's tags are not.
    issued = table.stage.ids[table.who[name].home]["inv"]
    return Things({**own.ids, "tag": own["own_tag"], "other_tag": own["other_own_tag"], "draft": issued})


def named_in(sample: Sample, own: Things, path: str) -> str:
    """The id that stands at a place of a right input."""
    given: Any = sample.given(own)
    for step in path.split("."):
        given = given[int(step) if step.isdigit() else step]
    return str(given)


def strange_at(table: Table, sides: Sides, name: str, right: str) -> tuple[str, list[str]]:
    """For the place of an id: one nobody has, and those of others and of none."""
    prefix = right.partition("_")[0]
    if prefix == "seti":
        partner = {"acme": "northwind", "globex": "northwind", "initech": "contoso"}
        home = table.who[name].home
        others = [
            things["gateway_setup"]
            for customer, things in sides.items()
            if (customer != home if name in CUSTOMERS_SIDE else partner[customer] != partner[home])
        ]
        return "seti_nobody", [*others, "", "seti_"]
    noun = PREFIXES[prefix]
    return table.nobody[noun], [*table.strange(name, noun), *table.broken(noun)[:: rounds(4, 1)]]


async def test_every_mutation_and_every_id_in_its_input_has_its_row() -> None:
    assert {sample.name for sample in SAMPLES} == set(changes())
    for sample in SAMPLES:
        field = GRAPHQL.mutation_type.fields[sample.name]  # type: ignore[union-attr]
        placed = {tuple(step for step in path.split(".") if not step.isdigit()) for path in sample.records}
        assert placed - {("setupId",)} == {way for way, _, _ in ways(field.args["input"].type, ("ID",))}


@pytest.mark.prove
@pytest.mark.parametrize("group", GROUPS)
async def test_a_strange_id_changes_nothing_and_says_nothing(
    table: Table, sides: Sides, owner: Connection, group: str
) -> None:
    with nothing_changes(owner):
        for name in GROUPS[group]:
            for number, (sample, path) in enumerate(CELLS):
                if (EVERYBODY.index(name) + number) % rounds(7, 1) == 0:
                    await _tried(table, sides, name, sample, path)
    print(f"{group}: {table.cells} cells")
    assert table.cells > rounds(70, 700)


async def _tried(table: Table, sides: Sides, name: str, sample: Sample, path: str) -> None:
    own, asked = own_of(table, sides, name), document(sample.name)
    absent, others = strange_at(table, sides, name, named_in(sample, own, path))
    answer = await table.ask(name, asked, {"input": sample.with_record(own, path, absent)})
    nothing = said(answer, absent)
    assert answer.status < 500, (name, sample.name, answer.body)
    for id_ in others:
        found = await table.ask(name, asked, {"input": sample.with_record(own, path, id_)})
        assert said(found, id_) == nothing, (name, sample.name, path, id_)
        assert table.leaks(name, found.body, [id_]) == set(), (name, sample.name)
        table.cells += 1


@pytest.mark.parametrize("name", ["northwind_key", "carl"])
async def test_the_same_inputs_with_own_ids_are_heard(table: Table, sides: Sides, name: str) -> None:
    """Or the table would show nothing: with own ids every answer is another one than with absent ones."""
    own, heard = own_of(table, sides, name), set()
    for sample in sorted(SAMPLES, key=lambda sample: sample.name.startswith(LAST)):
        if not sample.records or sample.asks_gateway:
            continue
        asked = document(sample.name)
        absent = strange_at(table, sides, name, named_in(sample, own, sample.records[0]))[0]
        given = sample.with_record(own, sample.records[0], absent)
        nothing = await table.ask(name, asked, {"input": given})
        answer = await table.ask(name, asked, {"input": sample.given(own)})
        assert answer.status < 500, (sample.name, answer.body)
        if nothing.status == 200 and answer.body != nothing.body:
            heard.add(sample.name)
    staff = {sample.name for sample in SAMPLES if sample.records and not sample.asks_gateway}
    customers = {
        "resendInvite", "revokeInvite", "updateUserRole", "correctUser", "disableUser", "enableUser",
        "removeUser", "inviteUser", "updateTag",
        "deleteTag", "mergeTags", "tagInvoices", "untagInvoices", "setDefaultPaymentMethod",
        "removePaymentMethod", "openInvoiceThread", "replyToInvoiceThread", "resolveInvoiceThread",
        "reopenInvoiceThread", "markInvoiceThreadRead", "markInvoiceThreadUnread",
    }  # fmt: skip
    assert heard == (staff if name == "northwind_key" else customers)
