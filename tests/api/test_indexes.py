"""Every order and every filter is answered from an index of the tenant's, as the app role, at depth."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type, is_list_type
from graphql.type import get_nullable_type
from sqlalchemy import text

from api.nouns import NOUNS, Noun, read_of
from api.plan.filters import sql_type
from api.plan.pages import written_cursor
from api.plan.planning import Call
from api.read import Bearer, Reader, SessionAt
from api.reads import Many, One, Page
from api.schema import GRAPHQL
from auth.tokens import digest_of
from tests.api.bulk import MANY, busy_parent, template
from tests.api.conftest import Client
from tests.api.oracle.test_walks import List, lists

__all__ = ["template"]
pytestmark = pytest.mark.anyio

SAMPLES = {
    "String": "c2",
    "Int": 5,
    "Boolean": True,
    "Date": "2026-03-01",
    "DateTime": "2026-03-10T17:00:00Z",
    "Decimal": "12.00",
}


class Plans:
    """Asks the database how it would answer."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.reader: Reader = client.reader

    async def of(
        self, query: str, variables: dict[str, Any], *, generic: bool, who: SessionAt | None = None
    ) -> Any:
        """The plan of a document's statement, for the parameters at hand or for any."""
        credential = who or Bearer(digest_of(self.client.cast.keys["northwind"]))
        visit = await self.reader.identify(credential, now=self.client.now)
        document = self.reader.documents.get(query)
        coerced = document.variables.coerced(variables)
        call = Call(visit.actor, visit.rights, self.client.now, self.client.now.date(), coerced)
        plan = document.plan(call)
        knock, values = credential.statement(self.client.now)
        mode = "force_generic_plan" if generic else "force_custom_plan"
        async with self.reader.pool.connection() as connection, connection.transaction():
            await connection.execute(f"set local plan_cache_mode = {mode}")
            await connection.execute(knock, values)
            explained = await connection.execute("explain (format json) " + plan.sql, plan.values(call))
            row = await explained.fetchone()
        assert row is not None
        return row[0][0]["Plan"]


def nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def unbounded(plan: Any) -> list[str]:
    """The scans that are not of an index, or not kept to the partner by it."""
    wrong = []
    for node in nodes(plan):
        table, kind = node.get("Relation Name"), node["Node Type"]
        if kind == "Bitmap Heap Scan" or table in (None, "partner"):
            continue
        if kind not in ("Index Scan", "Index Only Scan") or "partner_id" not in node.get("Index Cond", ""):
            wrong.append(f"{kind} of {table} {node.get('Index Cond')}")
    for node in nodes(plan):
        condition = node.get("Index Cond", "")
        if node["Node Type"] == "Bitmap Index Scan" and "partner_id" not in condition:
            wrong.append(f"bitmap of {node['Index Name']}")
    return wrong


def listing() -> dict[str, List]:
    """Where each noun is listed: at the root if it can be."""
    found: dict[str, List] = {}
    for listed in lists():
        if listed[2].name not in found or listed[0] == "Query":
            found[listed[2].name] = listed
    return found


def document(listed: List, order: str, *, where: bool = False, after: bool = False) -> str:
    owner, name, noun = listed
    given = "first: 25" + (", after: $after" if after else "") + (", where: $where" if where else "")
    given += f", orderBy: {order}" if order else ""
    asked = f"{name}({given}) {{ nodes {{ id }} pageInfo {{ hasNextPage }} totalCount }}"
    declared = ["$id: ID!"] if owner != "Query" else []
    declared += ["$after: String"] if after else []
    declared += [f"$where: {noun.name}Where"] if where else []
    head = f"query Q({', '.join(declared)})" if declared else "query Q"
    if owner == "Query":
        return f"{head} {{ {asked} }}"
    return f"{head} {{ node(id: $id) {{ ... on {owner} {{ {asked} }} }} }}"


def parent(client: Client, listed: List) -> dict[str, Any]:
    """The variable for the record whose list it is: the one with most below it."""
    owner, name, noun = listed
    if owner == "Query":
        return {}
    read: Any = read_of(GRAPHQL.get_type(owner).fields[name])  # type: ignore[union-attr]
    partner = client.cast.partners["northwind"]
    id_ = busy_parent(client.owner, noun.table.name, read.link, partner)
    return {"id": f"{NOUNS[owner].prefix}_{id_.hex}"}


def half_way(client: Client, noun: Noun, order: str) -> str:
    """A cursor in the middle of the partner's records."""
    column = noun.orders[order].column
    shown = {"timestamptz": "to_char({} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"}
    kind = sql_type(noun.table.c[column].type)
    key = "''" if column == "id" else shown.get(kind, "{}::text").format(column)
    statement = text(
        f"select id, {key} from {noun.table.name} where partner_id = :partner"
        f" order by {column}, id offset {MANY // 2} limit 1"
    )
    found = client.owner.execute(statement, {"partner": client.cast.partners["northwind"]}).one()
    return written_cursor(noun, noun.orders[order], found[0], found[1])


@pytest.mark.prove
@pytest.mark.timeout(900)
async def test_every_order_every_filter_and_search_follow_an_index_of_the_tenants(client: Client) -> None:
    plans = Plans(client)
    assert await sorted_or_unbounded(plans) == []
    assert await unbounded_filters(plans) == []
    await search_is_a_range(plans)
    await own_places_are_found_by_the_person(plans)
    await what_is_a_members_alone_is_found_by_the_member(plans)


async def sorted_or_unbounded(plans: Plans) -> list[str]:
    """The orders that do not go on from half way along an index of their own."""
    client, wrong = plans.client, []
    for name, listed in listing().items():
        for order in NOUNS[name].orders:
            variables = {**parent(client, listed), "after": half_way(client, NOUNS[name], order)}
            for generic in (False, True):
                plan = await plans.of(document(listed, order, after=True), variables, generic=generic)
                wrong += [f"{name} {order}: {scan}" for scan in unbounded(plan)]
                if listed[0] == "Query":
                    kinds = {node["Node Type"] for node in nodes(plan)}
                    begun = [node for node in nodes(plan) if "ROW(" in node.get("Index Cond", "")]
                    if not begun or "Sort" in kinds:
                        wrong.append(f"{name} {order} generic={generic}: sorted, or read from the start")
    return wrong


async def unbounded_filters(plans: Plans) -> list[str]:
    """The filters for which something else than an index of the tenant's is read."""
    client, wrong, tried = plans.client, [], 0
    for name, listed in listing().items():
        noun, above = NOUNS[name], parent(client, listed)
        for key in noun.inputs.filters:
            for asked in samples(client, noun, key):
                variables = {**above, "where": {key: asked}}
                for generic in (False, True):
                    plan = await plans.of(document(listed, "", where=True), variables, generic=generic)
                    wrong += [f"{name} {key} {asked}: {scan}" for scan in unbounded(plan)]
                    tried += 1
    assert tried > 300
    return wrong


async def search_is_a_range(plans: Plans) -> None:
    """Words are looked up as ranges of the search table's index."""
    lists = [(name, "c12 c1") for name in ("customers", "invoices", "creditNotes", "invoiceThreads")]
    for name, words_of in (*lists, ("users", "n12 n1")):
        query = f'{{ {name}(search: "{words_of}") {{ nodes {{ id }} totalCount }} }}'
        plan = await plans.of(query, {}, generic=False)
        assert unbounded(plan) == []
        words = [node for node in nodes(plan) if node.get("Relation Name") == "search_token"]
        assert words
        conditions = [node["Index Cond"] for node in words if "Index Cond" in node]
        # The first word by its range; a further one also by the record that the first one found.
        assert any("(token)::text >=" in condition for condition in conditions), conditions
        assert all(
            "(token)::text >=" in condition or "subject_id = " in condition for condition in conditions
        )


async def own_places_are_found_by_the_person(plans: Plans) -> None:
    """Whoever reads a person's places anywhere says whose: the policy that lets them is asked by no index."""
    client = plans.client
    async with plans.reader.pool.connection() as connection, connection.transaction():
        set_user = "select set_config('remit.user', $1, true)"
        await connection.execute(set_user, [str(client.cast.petra.user_id)])
        asked = "explain (format json) select * from membership where user_id = $1"
        row = await (await connection.execute(asked, [client.cast.petra.user_id])).fetchone()
    assert row is not None
    scans = [node for node in nodes(row[0][0]["Plan"]) if node.get("Index Name")]
    assert {node["Index Name"] for node in scans} == {"ix_membership_user"}
    assert all("user_id" in node["Index Cond"] for node in scans)


async def what_is_a_members_alone_is_found_by_the_member(plans: Plans) -> None:
    """A count and a list of it begin with the member's rows, be they few or many of the partner's."""
    for name in ("clem", "ada"):
        token = plans.client.sign_in(name)
        who = SessionAt(digest_of(token), "partner", "northwind")
        for query in (
            "{ viewer { unreadThreadCount } }",
            "{ invoiceThreads(where: {isUnread: {eq: true}}) { nodes { id } totalCount } }",
            "{ invoiceThreads(where: {isUnread: {eq: false}}) { nodes { id isUnread } } }",
        ):
            for generic in (False, True):
                plan = await plans.of(query, {}, generic=generic, who=who)
                assert unbounded(plan) == [], query
                unread = [node for node in nodes(plan) if node.get("Relation Name") == "unread_thread"]
                assert unread, query
                assert all("member_id" in node["Index Cond"] for node in unread if "Index Cond" in node)


def samples(client: Client, noun: Noun, key: str) -> Iterator[dict[str, Any]]:
    """Each operator of one field, with a value."""
    kind = get_named_type(GRAPHQL.get_type(f"{noun.name}Where").fields[key].type)  # type: ignore[union-attr]
    assert isinstance(kind, GraphQLInputObjectType)
    read = noun.inputs.filters[key].read
    if isinstance(read, One | Page):
        yield from below(client, kind.name.removesuffix("Where"))
        return
    for operator, field in kind.fields.items():
        value: Any = SAMPLES.get(get_named_type(field.type).name)
        inner = get_named_type(field.type)
        if isinstance(inner, GraphQLEnumType):
            value = next(iter(inner.values))
        elif value is None:
            table = "tag" if isinstance(read, Many) else noun.table.name
            id_ = client.owner.execute(text(f"select id from {table} limit 1")).scalar_one()
            value = f"{'tag' if isinstance(read, Many) else noun.prefix}_{id_.hex}"
        yield {operator: [value] if is_list_type(get_nullable_type(field.type)) else value}


def below(client: Client, name: str) -> Iterator[dict[str, Any]]:
    """Filters by a record that another leads to: by a text of its own, and by the tags on it."""
    if name in ("PaymentAllocation", "OutsidePaymentAllocation"):
        yield from ({"invoice": asked} for asked in below(client, "Invoice"))
        return
    yield {"company": {"startsWith": "c1"}} if name == "Customer" else {"number": {"startsWith": "N1"}}
    for asked in samples(client, NOUNS[name], "tags"):
        yield {"tags": asked}
    if name == "Invoice":
        yield from ({"customer": asked} for asked in below(client, "Customer"))
