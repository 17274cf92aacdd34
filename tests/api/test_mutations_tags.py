"""Tags, written through the API: each side's own, and what carries them."""

import pytest

from tests.api.writing import Things, Writer
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
TAG = "tag { name colour description }"


async def test_a_new_tag_is_the_partners(writer: Writer) -> None:
    given = {"name": " Late  payer ", "colour": "#AA0000", "description": "Ask twice"}
    made = await writer.do("createTag", given, TAG)
    assert made["tag"] == {"name": "Late payer", "colour": "#aa0000", "description": "Ask twice"}


async def test_a_wrong_tag_is_refused_at_every_field(writer: Writer, acme: Things) -> None:
    with nothing_changes(writer.client.owner):
        assert await writer.refused("createTag", {"description": "x" * 201}, TAG) == [
            ("REQUIRED", "input.name"),
            ("BAD_COLOUR", "input.colour"),
            ("TOO_LONG", "input.description"),
        ]
        given = {"name": "vip ACME", "colour": "#112233"}
        assert await writer.refused("createTag", given) == [("TAKEN", "input.name")]


async def test_each_side_has_its_own_tags_of_a_name(writer: Writer, acme: Things) -> None:
    petra = writer.at("petra")
    given = {"name": "Ours", "colour": "#112233"}
    await writer.do("createTag", given)
    await writer.do("createTag", given, **petra)
    said = await writer.client.ask("{ tags { nodes { name } } }", **petra)
    assert said.data == {
        "tags": {"nodes": [{"name": name} for name in ("Ours", "VIP acme", "VIP acme twice")]}
    }


async def test_an_update_takes_what_is_given(writer: Writer, acme: Things) -> None:
    given = {"id": acme["tag"], "name": "Late", "description": None}
    changed = await writer.do("updateTag", given, TAG)
    assert changed["tag"] == {"name": "Late", "colour": "#1f6feb", "description": None}
    with nothing_changes(writer.client.owner):
        wrong = {"id": acme["tag"], "name": None, "colour": "red"}
        assert await writer.refused("updateTag", wrong) == [
            ("REQUIRED", "input.name"),
            ("BAD_COLOUR", "input.colour"),
        ]


async def test_a_deleted_tag_comes_off_everything_and_says_how_much_that_was(
    writer: Writer, acme: Things
) -> None:
    tagged = {"tagIds": [acme["tag"]], "customerIds": [acme["customer"], acme["setup"]]}
    select = "customers { company tags { name } } changedCount"
    done = await writer.do("tagCustomers", tagged, select)
    label = [{"name": "VIP acme"}]
    assert done["customers"] == [
        {"company": "Acme", "tags": label}, {"company": "Acme Rockets", "tags": label},
    ]  # fmt: skip
    assert done["changedCount"] == 2
    assert (await writer.do("tagCustomers", tagged, "changedCount"))["changedCount"] == 0
    invoices = {"tagIds": [acme["tag"]], "invoiceIds": [acme["invoice"], acme["draft"], acme["invoice"]]}
    done = await writer.do("tagInvoices", invoices, "invoices { id tags { name } } changedCount")
    assert [invoice["id"] for invoice in done["invoices"]] == [acme["invoice"], acme["draft"]]
    assert done["changedCount"] == 2
    gone = await writer.do("deleteTag", {"id": acme["tag"]}, "deletedId customerCount invoiceCount")
    assert gone == {"deletedId": acme["tag"], "customerCount": 2, "invoiceCount": 2, "errors": []}
    with nothing_changes(writer.client.owner):
        assert await writer.refused("deleteTag", {"id": acme["tag"]}, "deletedId") == [
            ("NOT_FOUND", "input.id")
        ]


async def test_tags_are_taken_off(writer: Writer, acme: Things) -> None:
    customers = {"tagIds": [acme["tag"]], "customerIds": [acme["customer"]]}
    await writer.do("tagCustomers", customers)
    done = await writer.do("untagCustomers", customers, "customers { tags { name } } changedCount")
    assert done == {"customers": [{"tags": []}], "changedCount": 1, "errors": []}
    assert (await writer.do("untagCustomers", customers, "changedCount"))["changedCount"] == 0
    petra = writer.at("petra")
    invoices = {"tagIds": [acme["own_tag"]], "invoiceIds": [acme["invoice"]]}
    await writer.do("tagInvoices", invoices, **petra)
    done = await writer.do("untagInvoices", invoices, "invoices { tags { name } } changedCount", **petra)
    assert done == {"invoices": [{"tags": []}], "changedCount": 1, "errors": []}


async def test_one_that_is_not_there_keeps_all_from_being_tagged(writer: Writer, acme: Things) -> None:
    nobody = f"cus_{'0' * 32}"
    with nothing_changes(writer.client.owner):
        for name in ("tagCustomers", "untagCustomers"):
            given = {"tagIds": [acme["tag"]], "customerIds": [acme["customer"], nobody]}
            assert await writer.refused(name, given, "customers { id } changedCount") == [
                ("NOT_FOUND", "input")
            ]


async def test_lists_are_neither_empty_nor_endless(writer: Writer, acme: Things) -> None:
    many = [f"inv_{number:032x}" for number in range(500)]
    with nothing_changes(writer.client.owner):
        empty = {"tagIds": [], "customerIds": []}
        assert await writer.refused("tagCustomers", empty) == [
            ("REQUIRED", "input.tagIds"),
            ("REQUIRED", "input.customerIds"),
        ]
        tags = [f"tag_{number:032x}" for number in range(21)]
        assert await writer.refused("tagInvoices", {"tagIds": tags, "invoiceIds": many}) == [
            ("TOO_MANY", "input.tagIds")
        ]
        answer = await writer.send("untagInvoices", {"tagIds": tags, "invoiceIds": [*many, many[0]]})
        assert (answer.status, answer.codes) == (400, ["TOO_MANY_ITEMS"])


async def test_merging_moves_everything_once_and_says_how_much_that_was(writer: Writer, acme: Things) -> None:
    tag, other = acme["tag"], acme["other_tag"]
    both = {"tagIds": [tag, other], "customerIds": [acme["customer"]]}
    await writer.do("tagCustomers", both)
    await writer.do("tagCustomers", {"tagIds": [other], "customerIds": [acme["setup"]]})
    await writer.do("tagInvoices", {"tagIds": [other], "invoiceIds": [acme["invoice"], acme["draft"]]})
    select = "tag { id customerCount invoiceCount } deletedId customerCount invoiceCount"
    given = {"id": other, "intoId": tag}
    wanted = {
        "tag": {"id": tag, "customerCount": 2, "invoiceCount": 2},
        "deletedId": other, "customerCount": 1, "invoiceCount": 2, "errors": [],
    }  # fmt: skip
    with nothing_changes(writer.client.owner):
        assert await writer.do("mergeTags", {**given, "dryRun": True}, select) == wanted
    assert await writer.do("mergeTags", given, select) == wanted
    with nothing_changes(writer.client.owner):
        assert await writer.refused("mergeTags", given, select) == [("NOT_FOUND", "input")]
        same = {"id": tag, "intoId": tag}
        assert await writer.refused("mergeTags", same, select) == [("SAME_TAG", "input.intoId")]


async def test_a_customers_own_tags_are_merged_by_its_users_and_with_their_own_only(
    writer: Writer, acme: Things
) -> None:
    petra, select = writer.at("petra"), "tag { id invoiceCount } invoiceCount"
    tagged = {"tagIds": [acme["other_own_tag"]], "invoiceIds": [acme["invoice"]]}
    await writer.do("tagInvoices", tagged, **petra)
    with nothing_changes(writer.client.owner):
        for into in (acme["tag"], acme["other_tag"]):
            given = {"id": acme["own_tag"], "intoId": into}
            assert await writer.refused("mergeTags", given, **petra) == [("NOT_FOUND", "input")]
    given = {"id": acme["other_own_tag"], "intoId": acme["own_tag"]}
    done = await writer.do("mergeTags", given, select, **petra)
    assert done["tag"] == {"id": acme["own_tag"], "invoiceCount": 1}
    assert done["invoiceCount"] == 1
