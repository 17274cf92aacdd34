"""Who has read a conversation, in the API: people mark it themselves, reading does not, keys have nothing."""

from typing import Any

import pytest

from tests.api.writing import Things, Writer
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
THREAD = "invoiceThread { isUnread unreadSince lastMessageAt lastMessageIsFromPartner }"
ONE = f"query($id: ID!) {{ {THREAD.replace(' ', '(id: $id) ', 1)} viewer {{ unreadThreadCount }} }}"
LIST = """query($where: InvoiceThreadWhere, $search: String, $order: InvoiceThreadOrder) {
  invoiceThreads(where: $where, search: $search, orderBy: $order) { nodes { id } totalCount } }"""


async def seen(writer: Writer, thread: str, **who: Any) -> tuple[bool | None, int | None]:
    """Is it unread for somebody, and how many are?"""
    answer = (await writer.client.ask(ONE, {"id": thread}, **who)).data
    found = answer["invoiceThread"]
    assert (found["unreadSince"] is None) == (not found["isUnread"])
    return found["isUnread"], answer["viewer"]["unreadThreadCount"]


async def listed(writer: Writer, where: Any, **who: Any) -> list[str]:
    answer = await writer.client.ask(LIST, {"where": where}, **who)
    return [node["id"] for node in answer.data["invoiceThreads"]["nodes"]]


async def test_people_mark_what_they_have_read_and_reading_marks_nothing(
    writer: Writer, acme: Things, globex: Things
) -> None:
    carl, petra, gus = writer.at("carl"), writer.at("petra"), writer.at("gus")
    thread, settled = acme["thread"], acme["settled_thread"]
    with nothing_changes(writer.client.owner):
        assert await seen(writer, thread, **carl) == (True, 2)
    done = await writer.do("markInvoiceThreadRead", {"id": thread}, THREAD, **carl)
    assert done["invoiceThread"]["isUnread"] is False
    assert done["invoiceThread"]["lastMessageIsFromPartner"] is True
    assert await seen(writer, thread, **carl) == (False, 1)
    assert await seen(writer, thread, **petra) == (True, 2)
    assert await seen(writer, globex["thread"], **gus) == (True, 2)
    assert await listed(writer, {"isUnread": {"eq": True}}, **carl) == [settled]
    assert await listed(writer, {"isUnread": {"eq": False}}, **carl) == [thread]
    assert await listed(writer, {"NOT": {"isUnread": {"eq": True}}}, **carl) == [thread]
    assert await listed(writer, {"isUnread": {"isNull": True}}, **carl) == []
    await writer.do("markInvoiceThreadUnread", {"id": thread}, **carl)
    assert await seen(writer, thread, **carl) == (True, 2)
    all_of_it = await writer.do("markAllInvoiceThreadsRead", {}, "count", **carl)
    assert all_of_it["count"] == 2
    assert await seen(writer, thread, **carl) == (False, 0)
    assert await seen(writer, thread, **petra) == (True, 2)


async def test_it_is_read_up_to_what_was_seen(writer: Writer, acme: Things) -> None:
    carl, thread = writer.at("carl"), acme["thread"]
    before = (await writer.client.ask(ONE, {"id": thread}, **carl)).data["invoiceThread"]
    await writer.do("replyToInvoiceThread", {"id": thread, "text": "One more"})
    await writer.do("markInvoiceThreadRead", {"id": thread, "until": before["lastMessageAt"]}, **carl)
    after = (await writer.client.ask(ONE, {"id": thread}, **carl)).data["invoiceThread"]
    assert after["isUnread"] is True
    assert before["lastMessageAt"] < after["unreadSince"] <= after["lastMessageAt"]
    given = {"until": before["lastMessageAt"]}
    assert (await writer.do("markAllInvoiceThreadsRead", given, "count", **carl))["count"] == 1
    assert (await writer.do("markAllInvoiceThreadsRead", {}, "count", **carl))["count"] == 1


async def test_a_key_and_a_token_have_nothing_unread_and_mark_nothing(writer: Writer, acme: Things) -> None:
    thread = acme["thread"]
    for who in ({}, writer.browser("acme")):
        assert await seen(writer, thread, **who) == (None, None)
        for eq in (True, False):
            assert await listed(writer, {"isUnread": {"eq": eq}}, **who) == []
        assert thread in await listed(writer, {"isUnread": {"isNull": True}}, **who)
        with nothing_changes(writer.client.owner):
            for name, given in (
                ("markInvoiceThreadRead", {"id": thread}), ("markInvoiceThreadUnread", {"id": thread}),
                ("markAllInvoiceThreadsRead", {}),
            ):  # fmt: skip
                assert await writer.refused(name, given, **who) == [("NOT_FOR_KEYS", "input")]


async def test_what_only_the_own_side_wrote_is_never_unread(writer: Writer, acme: Things) -> None:
    ada = writer.at("ada")
    with nothing_changes(writer.client.owner):
        refused = await writer.refused("markInvoiceThreadUnread", {"id": acme["thread"]}, **ada)
    assert refused == [("NOTHING_TO_READ", "input")]


async def test_they_are_found_by_their_invoice_whose_turn_it_is_and_when_it_was(
    writer: Writer, acme: Things, globex: Things
) -> None:
    carl = writer.at("carl")
    await writer.do("replyToInvoiceThread", {"id": acme["thread"], "text": "Hm"}, **carl)
    ours = {"lastMessageIsFromPartner": {"eq": False}}
    assert await listed(writer, ours) == [acme["thread"]]
    assert len(await listed(writer, {"lastMessageIsFromPartner": {"eq": True}})) == 3
    number = (await writer.client.ask(
        "query($id: ID!) { invoiceThread(id: $id) { invoice { number } } }", {"id": globex["thread"]}
    )).data["invoiceThread"]["invoice"]["number"]  # fmt: skip
    found = await writer.client.ask(LIST, {"search": number})
    assert {node["id"] for node in found.data["invoiceThreads"]["nodes"]} == {
        globex["thread"], globex["settled_thread"],
    }  # fmt: skip
    # Acme's people find nothing of Globex's by its number.
    strange = await writer.client.ask(LIST, {"search": number}, **carl)
    assert strange.data["invoiceThreads"]["totalCount"] == 0
    latest = await writer.client.ask(LIST, {"order": "LAST_MESSAGE_AT_DESC"})
    assert latest.data["invoiceThreads"]["nodes"][0] == {"id": acme["thread"]}
