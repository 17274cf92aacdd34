"""Saved views through the API: said field by field, one's own and the team's, and no customer's."""

from typing import Any

import pytest

from tests.api.writing import Things, Writer
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
VIEW = """view {
  id name isShared search tagIds tagMatch status country balance balanceFrom balanceTo isOverdue sort version
  createdBy { name }
}"""
LIST = "{ customerViews { nodes { name isShared } totalCount } }"
ONE = "query($id: ID!) { customerView(id: $id) { name } node(id: $id) { id } }"


async def names(writer: Writer, **who: Any) -> list[str]:
    found = (await writer.client.ask(LIST, **who)).data["customerViews"]["nodes"]
    return [view["name"] for view in found]


async def test_a_view_is_saved_changed_and_deleted(writer: Writer, acme: Things) -> None:
    given = {
        "name": "Late", "isShared": True, "search": "acme", "tagIds": [acme["tag"], acme["other_tag"]],
        "tagMatch": "ALL", "status": "ACTIVE", "country": "US", "balance": "SOME", "balanceFrom": "10",
        "balanceTo": "1500.50", "isOverdue": True, "sort": "BALANCE_DESC",
    }  # fmt: skip
    view = (await writer.do("createCustomerView", given, VIEW))["view"]
    assert view == {
        **given, "id": view["id"], "tagIds": sorted(given["tagIds"]), "balanceFrom": "10.00", "version": 1,
        "createdBy": None,
    }  # fmt: skip
    changed = {"id": view["id"], "version": 1, "search": None, "balanceFrom": None, "tagIds": [acme["tag"]]}
    after = (await writer.do("updateCustomerView", changed, VIEW))["view"]
    assert after == {
        **view, "search": None, "balanceFrom": None, "tagIds": [acme["tag"]], "tagMatch": "ANY", "version": 2,
    }  # fmt: skip
    with nothing_changes(writer.client.owner):
        assert await writer.refused("updateCustomerView", changed) == [("CONFLICT", "input")]
    gone = await writer.do("deleteCustomerView", {"id": view["id"]}, "deletedId")
    assert gone == {"deletedId": view["id"], "errors": []}
    assert await names(writer) == ["View acme"]


async def test_what_a_view_says_finds_the_customers_it_stands_for(writer: Writer, acme: Things) -> None:
    await writer.do("tagCustomers", {"tagIds": [acme["tag"]], "customerIds": [acme["customer"]]})
    given = {"name": "VIP", "isShared": True, "tagIds": [acme["tag"]], "sort": "COMPANY_DESC"}
    view = (await writer.do("createCustomerView", given, VIEW))["view"]
    document = """query($search: String, $where: CustomerWhere, $order: CustomerOrder) {
      customers(search: $search, where: $where, orderBy: $order) { nodes { company } } }"""
    where = {"tags": {"any": view["tagIds"]}, "status": {"in": ["SETUP", "ACTIVE"]}}
    asked = {"search": view["search"], "where": where, "order": view["sort"]}
    assert (await writer.client.ask(document, asked)).data["customers"]["nodes"] == [{"company": "Acme"}]
    await writer.do("deleteTag", {"id": acme["tag"]})
    said = await writer.client.ask("{ customerViews(orderBy: NAME_DESC) { nodes { tagIds } } }")
    assert [one["tagIds"] for one in said.data["customerViews"]["nodes"]] == [[acme["tag"]], []]
    assert (await writer.client.ask(document, asked)).data["customers"]["nodes"] == []


async def test_ones_own_is_for_oneself(writer: Writer, acme: Things) -> None:
    clem, ada, rita = writer.at("clem"), writer.at("ada"), writer.at("rita")
    mine = (await writer.do("createCustomerView", {"name": "Mine"}, VIEW, **clem))["view"]
    assert (mine["isShared"], mine["createdBy"]) == (False, {"name": "Clem"})
    await writer.do("createCustomerView", {"name": "Hers"}, **rita)
    assert await names(writer, **clem) == ["Mine", "View acme"]
    assert await names(writer, **rita) == ["Hers", "View acme"]
    assert (await writer.client.ask(ONE, {"id": mine["id"]}, **clem)).data["customerView"] == {"name": "Mine"}
    for who in (ada, {}):
        assert await names(writer, **who) == ["View acme"]
        said = await writer.client.ask(ONE, {"id": mine["id"]}, **who)
        assert said.data == {"customerView": None, "node": None}
        with nothing_changes(writer.client.owner):
            for name in ("updateCustomerView", "deleteCustomerView"):
                refused = await writer.refused(name, {"id": mine["id"]}, **who)
                assert refused == [("NOT_FOUND", "input.id" if name == "deleteCustomerView" else "input")]


async def test_a_key_shares_only(writer: Writer) -> None:
    with nothing_changes(writer.client.owner):
        assert await writer.refused("createCustomerView", {"name": "X"}) == [
            ("NOT_FOR_KEYS", "input.isShared")
        ]


async def test_a_colleagues_shared_view_takes_the_right_to_manage_views(writer: Writer, acme: Things) -> None:
    clem, sue = writer.at("clem"), writer.at("sue")
    for name, given in (
        ("updateCustomerView", {"id": acme["view"], "name": "Mine"}),
        ("deleteCustomerView", {"id": acme["view"]}),
    ):
        with nothing_changes(writer.client.owner):
            answer = await writer.send(name, given, **clem)
            assert (answer.status, answer.codes) == (403, ["FORBIDDEN"])
        await writer.do(name, given, **sue)


@pytest.mark.parametrize("who", ["carl", "petra", "vera", "browser"])
async def test_customers_see_no_view_on_any_way(writer: Writer, acme: Things, who: str) -> None:
    asks: dict[str, Any] = writer.browser("acme") if who == "browser" else writer.at(who)
    for document in (LIST, ONE):
        answer = await writer.client.ask(document, {"id": acme["view"]}, **asks)
        assert (answer.status, answer.codes) == (403, ["FORBIDDEN"])


async def test_a_key_takes_the_scope_to_see_them(writer: Writer) -> None:
    answer = await writer.client.ask(LIST, key=writer.key_without("views:read"))
    assert (answer.status, answer.codes) == (403, ["FORBIDDEN"])
