"""Pay links through the API: made, told once, revoked, read by the partner's side only."""

import pytest

from billing import pay_links
from tests.api.writing import Things, Writer
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
LINK = "payLink { id origin createdBy revokedAt openedCount invoice { id } }"


async def test_a_link_is_told_once_and_revoked(writer: Writer, acme: Things) -> None:
    given = {"invoiceId": acme["invoice"], "idempotencyKey": "link-1"}
    made = await writer.do("createPayLink", given, f"path {LINK}")
    assert made["path"].startswith("/pay/")
    assert (made["payLink"]["invoice"], made["payLink"]["openedCount"]) == ({"id": acme["invoice"]}, 0)
    assert made["payLink"]["origin"] == "STAFF"
    await writer.do("sendInvoice", {"id": acme["invoice"]})
    links = f'{{ invoice(id: "{acme["invoice"]}") {{ payLinks {{ nodes {{ origin }} }} }} }}'
    found = (await writer.client.ask(links, **writer.at("ada"))).data["invoice"]["payLinks"]["nodes"]
    assert sorted(one["origin"] for one in found) == ["INVOICE", "STAFF", "STAFF"]
    with nothing_changes(writer.client.owner):
        again = await writer.do("createPayLink", given, f"path {LINK}")
    assert again == {**made, "path": None}
    revoked = await writer.do("revokePayLink", {"id": made["payLink"]["id"]}, LINK)
    assert revoked["payLink"]["revokedAt"] is not None


async def test_a_draft_gets_none_and_an_unknown_link_is_not_found(writer: Writer, acme: Things) -> None:
    with nothing_changes(writer.client.owner):
        draft = {"invoiceId": acme["draft"]}
        assert await writer.refused("createPayLink", draft) == [(pay_links.NothingToShow.code, "input")]
        nobodys = {"id": "pln_" + "f" * 32}
        assert await writer.refused("revokePayLink", nobodys) == [("NOT_FOUND", "input.id")]
