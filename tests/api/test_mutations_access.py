"""Requests for access, decided through the API."""

import pytest

from tests.api.writing import Things, Writer
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
REQUEST = "accessRequest { status resolvedAt user { name role status customer { company } } }"


async def test_an_approval_invites_whoever_asked(writer: Writer, acme: Things) -> None:
    given = {"id": acme["asked"], "customerId": acme["customer"], "role": "VIEWER"}
    made = await writer.do("approveAccessRequest", given, REQUEST)
    assert made["accessRequest"] == {
        "status": "APPROVED",
        "resolvedAt": "2026-03-10T17:00:00.000000Z",
        "user": {
            "name": "asked-acme", "role": "VIEWER", "status": "INVITED", "customer": {"company": "Acme"},
        },
    }  # fmt: skip
    with nothing_changes(writer.client.owner):
        assert await writer.refused("approveAccessRequest", given) == [("ALREADY_RESOLVED", "input")]
        assert await writer.refused("denyAccessRequest", {"id": acme["asked"]}) == [
            ("ALREADY_RESOLVED", "input")
        ]


async def test_a_denial_makes_no_user(writer: Writer, acme: Things) -> None:
    made = await writer.do("denyAccessRequest", {"id": acme["asked"]}, REQUEST)
    assert made["accessRequest"] == {
        "status": "DENIED", "resolvedAt": "2026-03-10T17:00:00.000000Z", "user": None,
    }  # fmt: skip


async def test_customers_users_see_no_requests(writer: Writer, acme: Things) -> None:
    answer = await writer.client.ask(
        "query($id: ID!) { node(id: $id) { id } accessRequests { totalCount } }",
        {"id": acme["asked"]},
        **writer.at("carl"),
    )
    assert answer.codes == ["FORBIDDEN"]
