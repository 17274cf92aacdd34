"""Notes on customers through the API: the partner's side only, and each changed by its author only."""

from typing import Any

import pytest

from tests.api.writing import Things, Writer
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
NOTE = "note { id text authorName authorId customer { company } }"
LIST = "query($id: ID!) { customer(id: $id) { notes { nodes { text } } } }"


async def test_a_note_is_added_changed_and_deleted(writer: Writer, acme: Things) -> None:
    given = {"customerId": acme["customer"], "text": " Call\nback "}
    note = (await writer.do("addCustomerNote", given, NOTE))["note"]
    assert (note["text"], note["authorId"], note["customer"]) == ("Call\nback", None, {"company": "Acme"})
    changed = await writer.do("updateCustomerNote", {"id": note["id"], "text": "Called"}, NOTE)
    assert changed["note"] == {**note, "text": "Called"}
    said = await writer.client.ask(LIST, {"id": acme["customer"]})
    assert [one["text"] for one in said.data["customer"]["notes"]["nodes"]] == ["Called", "Note acme"]
    gone = await writer.do("deleteCustomerNote", {"id": note["id"]}, "deletedId")
    assert gone["deletedId"] == note["id"]
    with nothing_changes(writer.client.owner):
        assert await writer.refused("deleteCustomerNote", {"id": note["id"]}) == [("NOT_FOUND", "input.id")]


async def test_a_note_needs_a_text(writer: Writer, acme: Things) -> None:
    with nothing_changes(writer.client.owner):
        for name, given in (
            ("addCustomerNote", {"customerId": acme["customer"]}),
            ("updateCustomerNote", {"id": acme["note"], "text": None}),
        ):
            assert await writer.refused(name, given) == [("REQUIRED", "input.text")]


@pytest.mark.parametrize("who", ["ada", "clem"])
async def test_a_note_is_changed_by_whoever_wrote_it(writer: Writer, acme: Things, who: str) -> None:
    asks = writer.at(who)
    with nothing_changes(writer.client.owner):
        for name, given in (
            ("updateCustomerNote", {"id": acme["note"], "text": "Mine"}),
            ("deleteCustomerNote", {"id": acme["note"]}),
        ):
            answer = await writer.send(name, given, **asks)
            assert (answer.status, answer.codes) == (403, ["FORBIDDEN"])


@pytest.mark.parametrize("who", ["carl", "petra", "vera", "browser"])
async def test_customers_see_no_note_on_any_way(writer: Writer, acme: Things, who: str) -> None:
    asks: dict[str, Any] = writer.browser("acme") if who == "browser" else writer.at(who)
    answer = await writer.client.ask(LIST, {"id": acme["customer"]}, **asks)
    assert (answer.status, answer.codes) == (403, ["FORBIDDEN"])
    query = "query($id: ID!) { node(id: $id) { ... on CustomerNote { text } } }"
    answer = await writer.client.ask(query, {"id": acme["note"]}, **asks)
    assert answer.data == {"node": None}
