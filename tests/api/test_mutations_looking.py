"""D-8: every mutation there is, tried by staff who look at a customer's portal. None is accepted."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from api.schema import changes
from auth.actors import Actor
from auth.impersonations import LIFE
from db import ids
from tests.api.mutations import SAMPLES
from tests.api.writing import ERRORS, Things, Writer
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
VIEWER = "{ viewer { kind name role scopes customer { company } user { name } } }"


def look(writer: Writer, customer: str, viewed: str | None = "carl") -> dict[str, str]:
    """Ada looks at the customer's portal, as one of its users or as any Manager; how she asks."""
    client = writer.client
    asks = writer.at("ada")
    client.owner.execute(
        text(
            "insert into impersonation (partner_id, id, membership_id, session_id, customer_id, viewed_id,"
            " role, created_at, expires_at) select :partner, gen_random_uuid(), :member, id, :customer,"
            " :viewed, :role, :now, :now + interval '30 minutes' from session where user_id = :user"
        ),
        {
            "partner": client.cast.ada.partner_id, "member": client.cast.ada.id,
            "user": client.cast.ada.user_id, "customer": client.cast.customers[customer],
            "viewed": getattr(client.cast, viewed).id if viewed else None,
            "role": None if viewed else "MANAGER", "now": client.now,
        },
    )  # fmt: skip
    grant = client.owner.execute(text("select id from impersonation")).scalar_one()
    return {**asks, "at": f"/partner/northwind/as/{ids.shown('as', grant)}/graphql"}


@pytest.mark.parametrize("viewed", ["carl", "petra", "vera", None])
async def test_every_mutation_is_refused_and_the_world_is_the_same(
    writer: Writer, acme: Things, viewed: str | None
) -> None:
    asks = look(writer, "acme", viewed)
    assert {sample.name for sample in SAMPLES} == set(changes())
    with nothing_changes(writer.client.owner):
        for sample in SAMPLES:
            given = sample.given(acme)
            for more in ({}, {"idempotencyKey": "look-1"}):
                answer = await writer.send(sample.name, {**given, **more}, **asks)
                assert (answer.status, answer.codes) == (403, ["VIEW_ONLY"]), sample.name
                assert "data" not in answer.json


async def test_the_database_alone_accepts_none_of_them(
    writer: Writer, acme: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every right given and no check left: the transaction is read-only still, and nothing is written.

    Those that ask the gateway write in transactions of their own: there the actor's rights and the log hold.
    """
    asks = look(writer, "acme")
    monkeypatch.setattr(Actor, "may", lambda self, action: True)
    monkeypatch.setattr(Actor, "require", lambda self, action: None)
    monkeypatch.setattr(Actor, "require_writer", lambda self: None)
    stopped = 0
    with nothing_changes(writer.client.owner), capture_logs():
        for sample in SAMPLES:
            if sample.asks_gateway:
                continue
            answer = await writer.send(sample.name, sample.given(acme), **asks)
            payload = (answer.json.get("data") or {}).get(sample.name)
            assert payload is None or payload["errors"], sample.name
            stopped += answer.status == 500
    # The others find out before they write that no customer does what they do.
    assert stopped > 10


async def test_the_reads_are_the_customers_own(writer: Writer) -> None:
    asks = look(writer, "acme")
    answer = await writer.client.ask(VIEWER, **asks)
    assert answer.data["viewer"] == {
        "kind": "IMPERSONATION", "name": "Carl", "role": "MANAGER", "customer": {"company": "Acme"},
        "user": {"name": "Carl"},
        "scopes": [
            "audit:read", "customers:read", "invoices:read", "payment_methods:read", "payments:read",
            "tags:read", "users:read",
        ],
    }  # fmt: skip


async def test_without_its_grant_session_or_time_it_opens_nothing(writer: Writer, acme: Things) -> None:
    asks, client = look(writer, "acme"), writer.client
    mallory, carl = writer.at("mallory")["session"], writer.at("carl")["session"]
    made_up = asks["at"].rpartition("/as/")[0] + f"/as/as_{'f' * 32}/graphql"
    with nothing_changes(client.owner):
        for changed in (
            {"session": mallory}, {"session": carl}, {"at": made_up},
            {"at": asks["at"].replace("northwind", "contoso")},
            {"at": asks["at"].replace("/as/as_", "/as/cus_")},
        ):  # fmt: skip
            answer = await client.ask(VIEWER, **{**asks, **changed})
            assert (answer.status, answer.codes) == (404, ["NOT_FOUND"]), changed
        key = {"key": client.cast.keys["northwind"], "at": asks["at"]}
        assert (await client.ask(VIEWER, **key)).status == 401
        document = f"mutation($input: CreateTagInput!) {{ createTag(input: $input) {{ {ERRORS} }} }}"
        client.forged = True
        assert (await client.ask(document, {"input": {"name": "x"}}, **asks)).status == 403
        client.forged = False
    client.now += LIFE - timedelta(seconds=1)
    assert (await client.ask(VIEWER, **asks)).status == 200
    client.now += timedelta(seconds=1)
    answer = await client.ask(VIEWER, **asks)
    assert (answer.status, answer.codes) == (403, ["VIEW_OVER"])
