"""Whom the sending on a day left out, through the API."""

import pytest
from sqlalchemy import text

from db import ids
from tests.api.writing import Things, Writer
from tests.cast import Cast
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
LISTED = "{ invoices(where: {leftOutAt: {isNull: false}}) { nodes { id leftOutIds leftOutAt } } }"


async def test_it_is_listed_until_it_is_dismissed(writer: Writer, acme: Things, cast: Cast) -> None:
    owner, vera = writer.client.owner, ids.shown("usr", cast.vera.id)  # type: ignore[arg-type]
    one = {"id": acme["third_invoice"]}
    change = text("update invoice set left_out = array[:vera]::uuid[] where id = :id")
    owner.execute(change, {"vera": cast.vera.id, "id": ids.parsed(one["id"], "inv")})
    (listed,) = (await writer.client.ask(LISTED)).data["invoices"]["nodes"]
    assert listed == {**one, "leftOutIds": [vera], "leftOutAt": "2026-03-10T17:00:00.000000Z"}
    with nothing_changes(owner):
        await writer.do("dismissLeftOut", {**one, "dryRun": True}, "invoice { leftOutIds }")
    seen = await writer.do("dismissLeftOut", one, "invoice { leftOutIds leftOutAt }")
    assert seen["invoice"] == {"leftOutIds": [], "leftOutAt": None}
    mallory = writer.at("mallory")
    with nothing_changes(owner):
        await writer.do("dismissLeftOut", one)
        assert await writer.refused("dismissLeftOut", one, **mallory) == [("NOT_FOUND", "input.id")]


async def test_what_became_of_the_mails_that_tell_it_is_void_is_beside_its_own(
    writer: Writer, acme: Things
) -> None:
    one = {"id": acme["invoice"]}
    await writer.do("sendInvoice", {**one, "recipientIds": [acme["invited"]]})
    writer.client.owner.execute(text("update mail set status = 'SENT', sent_at = now()"))
    mails = "{ nodes { kind status recipient { id } } }"
    voided = await writer.do("voidInvoice", one, f"invoice {{ mails {mails} voidMails {mails} }}")
    to = {"recipient": {"id": acme["invited"]}}
    assert voided["invoice"] == {
        "mails": {"nodes": [{"kind": "INVOICE", "status": "SENT", **to}]},
        "voidMails": {"nodes": [{"kind": "INVOICE_VOIDED", "status": "QUEUED", **to}]},
    }
