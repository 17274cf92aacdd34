"""Questions on invoices in the API: both sides', each customer's users their own."""

import pytest

from tests.api.writing import Things, Writer
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
THREAD = "invoiceThread { id kind state resolvedBy messages(first: 5) { nodes { text isFromPartner } } }"
LIST = "query { invoiceThreads(first: 9, where: {state: {eq: OPEN}}) { nodes { id line { id } } } }"
ONE = "query($id: ID!) { invoiceThread(id: $id) { id } }"


async def test_a_program_asks_answers_settles_and_goes_on(writer: Writer, acme: Things) -> None:
    given = {"invoiceId": acme["invoice"], "lineId": acme["line"], "kind": "DISPUTE", "text": "Wrong"}
    opened = (await writer.do("openInvoiceThread", given, THREAD))["invoiceThread"]
    assert (opened["kind"], opened["state"]) == ("DISPUTE", "OPEN")
    disputed = "query { invoices(where: {isDisputed: {eq: true}}, first: 9) { nodes { id isDisputed } } }"
    carl = writer.at("carl")
    answer = await writer.client.ask(disputed, {}, **carl)
    assert answer.data == {"invoices": {"nodes": [{"id": acme["invoice"], "isDisputed": True}]}}
    one = {"id": opened["id"]}
    replied = await writer.do("replyToInvoiceThread", {**one, "text": "So"}, THREAD)
    assert [wrote["text"] for wrote in replied["invoiceThread"]["messages"]["nodes"]] == ["Wrong", "So"]
    asked_about = disputed.replace("isDisputed", "hasOpenThread")
    both = (await writer.client.ask(asked_about, {}, **carl)).data["invoices"]["nodes"]
    assert {"id": acme["invoice"], "hasOpenThread": True} in both
    settled = (await writer.do("resolveInvoiceThread", one, THREAD))["invoiceThread"]
    assert settled["state"] == "RESOLVED"
    with nothing_changes(writer.client.owner):
        refused = await writer.refused("replyToInvoiceThread", {**one, "text": "More"})
    assert refused == [("THREAD_RESOLVED", "input")]
    again = (await writer.do("reopenInvoiceThread", one, THREAD))["invoiceThread"]
    assert (again["state"], again["resolvedBy"]) == ("OPEN", None)


@pytest.mark.parametrize(
    ("who", "sees"), [("carl", True), ("vera", True), ("gus", False), ("mallory", False)]
)
async def test_only_its_own_two_sides_find_it(writer: Writer, acme: Things, who: str, sees: bool) -> None:
    asks = writer.at(who)
    answer = await writer.client.ask(LIST, {}, **asks)
    assert (acme["thread"] in str(answer.data)) is sees
    one = await writer.client.ask(ONE, {"id": acme["thread"]}, **asks)
    assert (one.data["invoiceThread"] is not None) is sees


async def test_it_is_found_by_what_either_side_wrote_for_its_two_sides_alone(
    writer: Writer, acme: Things, globex: Things
) -> None:
    find = "query($s: String) { invoiceThreads(search: $s) { nodes { id } totalCount } }"
    one = {"invoiceId": acme["invoice"], "text": "The Überweisung of March\nwas O'Brien's"}
    opened = (await writer.do("openInvoiceThread", one, "invoiceThread { id }"))["invoiceThread"]["id"]
    await writer.do("replyToInvoiceThread", {"id": opened, "text": "Which ledger, please?"})
    other = {"invoiceId": globex["invoice"], "text": "The Überweisung, too"}
    theirs = (await writer.do("openInvoiceThread", other, "invoiceThread { id }"))["invoiceThread"]["id"]

    async def found(words: str, **asks: object) -> set[str]:
        answer = (await writer.client.ask(find, {"s": words}, **asks)).data["invoiceThreads"]
        assert answer["totalCount"] == len(answer["nodes"])
        return {node["id"] for node in answer["nodes"]}

    assert await found("uberweis") == {opened, theirs}
    # Each word may be another message's, or the invoice's and its company's.
    for words in ("ledger obrien", "LEDGER march", "ledger acme", "march which acme"):
        assert await found(words) == {opened}, words
    assert await found("ledger globex") == set()
    carl, gus, mallory = (writer.at(name) for name in ("carl", "gus", "mallory"))
    assert await found("uberweis", **carl) == {opened}
    assert await found("uberweis", **gus) == {theirs}
    assert await found("uberweis", **mallory) == set()
