"""Idempotency keys (M-5): one effect and the same bytes, whatever comes between one time and the next."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from auth import replays
from billing import settling
from tests.api.mutations import PERSONAL, SAMPLES
from tests.api.test_mutations_payments import PAYMENT, order
from tests.api.writing import ANN, COMPANY, Things, Writer
from tests.figures import rounds
from tests.money.desk import Desk
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
NEW = {**COMPANY, "users": [ANN], "idempotencyKey": "new-1"}
SELECT = "customer { id company version } users { id } warnings { code }"


def count(owner: Connection, table: str) -> int:
    counted: int = owner.scalar(text(f"select count(*) from {table}"))
    return counted


ENDING = {
    "archiveCustomer", "restoreCustomer", "disableUser", "removeUser", "deleteTag",
    "deleteDraftInvoice", "voidInvoice", "removePaymentMethod", "endRecurringInvoice",
    "archiveTaxRate", "archiveCatalogueItem",
}  # fmt: skip

# See those mutations' own tests.
SHOWN_ONCE = {"createPortalSession", "createPayLink"}


async def test_every_mutation_answers_a_repeated_key_with_the_same_bytes(
    writer: Writer, acme: Things, globex: Things
) -> None:
    tried, carl = 0, writer.at("carl")
    for sample in SAMPLES:
        if sample.asks_gateway or sample.name in SHOWN_ONCE:
            continue
        # What ends something is done to Globex, so that the rest still finds Acme's.
        given = sample.given(globex if sample.name in ENDING else acme)
        keyed = {**given, "idempotencyKey": f"{sample.name}-1"}
        asks = carl if sample.name in PERSONAL else {}
        first = await writer.send(sample.name, keyed, **asks)
        assert first.data[sample.name]["errors"] == [], sample.name
        with nothing_changes(writer.client.owner):
            again = await writer.restarted().send(sample.name, keyed, **asks)
            assert again.body == first.body, sample.name
        tried += 1
    assert tried == len(SAMPLES) - 5


async def test_the_same_again_is_the_same_answer_also_much_later(writer: Writer) -> None:
    first = await writer.send("createCustomer", NEW, SELECT)
    id_ = first.data["createCustomer"]["customer"]["id"]
    await writer.do("updateCustomer", {"id": id_, "company": "Renamed"})
    writer.client.now += replays.KEPT - timedelta(seconds=1)
    # Only that the key was used is noted.
    with nothing_changes(writer.client.owner, without=("api_key",)):
        assert (await writer.restarted().send("createCustomer", NEW, SELECT)).body == first.body
    writer.client.now += timedelta(seconds=2)
    again = await writer.do("createCustomer", {**NEW, "users": []}, SELECT)
    assert again["customer"]["id"] != id_


async def test_the_same_input_written_otherwise_is_the_same(writer: Writer, acme: Things) -> None:
    given = {"id": acme["customer"], "termsDays": 30, "city": "Peoria", "idempotencyKey": "one"}
    first = await writer.send("updateCustomer", given)
    turned = dict(reversed(given.items()))
    literal = (
        f'mutation {{ updateCustomer(input: {{idempotencyKey: "one", city: "Peoria", termsDays: 30, '
        f'id: "{acme["customer"]}"}}) {{ errors {{ code message path }} }} }}'
    )
    with nothing_changes(writer.client.owner):
        assert (await writer.send("updateCustomer", turned)).body == first.body
        assert (await writer.client.ask(literal)).body == first.body


async def test_another_input_with_the_same_key_is_a_conflict(writer: Writer) -> None:
    await writer.do("createCustomer", NEW, SELECT)
    conflict = [("IDEMPOTENCY_CONFLICT", "input.idempotencyKey")]
    with nothing_changes(writer.client.owner):
        for other in (
            {**NEW, "company": "Other"}, {**NEW, "address2": None}, {**NEW, "users": []},
            {**NEW, "externalId": ""}, {**NEW, "users": [{**ANN, "role": "MANAGER"}]},
        ):  # fmt: skip
            assert await writer.refused("createCustomer", other, SELECT) == conflict
        # What was asked for is part of the answer: other fields can't be given back.
        assert await writer.refused("createCustomer", NEW, "customer { id }") == conflict


async def test_a_key_is_one_actors_and_one_operations(writer: Writer, acme: Things) -> None:
    clem = writer.at("clem")
    given = {"name": "A", "colour": "#112233", "idempotencyKey": "one"}
    await writer.do("createTag", given)
    assert await writer.refused("createTag", given, **clem) == [("TAKEN", "input.name")]
    await writer.do("createTag", {**given, "name": "B"}, **clem)
    await writer.do("updateTag", {"id": acme["tag"], "name": "C", "idempotencyKey": "one"})
    mallory = writer.at("mallory")
    await writer.do("createTag", given, **mallory)


async def test_a_refused_request_leaves_its_key_free(writer: Writer) -> None:
    with nothing_changes(writer.client.owner):
        wrong = {**NEW, "state": "ON"}
        assert await writer.refused("createCustomer", wrong) == [("UNKNOWN_STATE", "input.state")]
    await writer.do("createCustomer", NEW)


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb", "a\x7fb", "\u200b"])
async def test_a_key_is_1_to_255_printable_characters(writer: Writer, key: str) -> None:
    with nothing_changes(writer.client.owner):
        assert await writer.refused("createCustomer", {**NEW, "idempotencyKey": key}) == [
            ("BAD_IDEMPOTENCY_KEY", "input.idempotencyKey")
        ]
    await writer.do("createCustomer", {**NEW, "idempotencyKey": "é" * 255})


@pytest.mark.prove
async def test_of_many_at_once_one_has_the_effect_and_all_the_same_answer(writer: Writer) -> None:
    for number in range(rounds(5, 60)):
        given = {"name": f"T{number}", "colour": "#112233", "idempotencyKey": f"k{number}"}
        answers = await asyncio.gather(*(writer.send("createTag", given, "tag { id }") for _ in range(8)))
        assert {answer.status for answer in answers} == {200}
        made = {answer.body for answer in answers if not answer.data["createTag"]["errors"]}
        codes = {error["code"] for answer in answers for error in answer.data["createTag"]["errors"]}
        assert len(made) == 1
        assert codes <= {"IN_PROGRESS"}
        assert (await writer.send("createTag", given, "tag { id }")).body in made
        assert count(writer.client.owner, "tag") == number + 1


async def test_rights_are_looked_at_again_before_an_answer_is_given_back(writer: Writer) -> None:
    owner, key = (
        writer.client.owner,
        writer.key("customers:write", "users:write", "customers:read", "users:read"),
    )
    first = await writer.send("createCustomer", NEW, SELECT, key=key)
    assert first.status == 200
    for scopes, scope in (
        ("{customers:read,users:read,users:write}", "customers:write"),
        ("{customers:write,customers:read,users:read}", "users:write"),
        ("{customers:write,users:write,users:read}", "customers:read"),
    ):
        owner.execute(text("update api_key set scopes = :scopes where name = 'some'"), {"scopes": scopes})
        answer = await writer.send("createCustomer", NEW, SELECT, key=key)
        assert answer.json["errors"][0]["extensions"] == {"code": "FORBIDDEN", "scope": scope}
    owner.execute(
        text("update api_key set scopes = '{customers:write,users:write,customers:read,users:read}'")
    )
    assert (await writer.send("createCustomer", NEW, SELECT, key=key)).body == first.body
    owner.execute(text("update api_key set revoked_at = now()"))
    assert (await writer.send("createCustomer", NEW, SELECT, key=key)).status == 401


async def test_a_role_taken_away_takes_the_answers_along(writer: Writer) -> None:
    clem = writer.at("clem")
    await writer.do("createCustomer", NEW, SELECT, **clem)
    writer.client.owner.execute(text("update membership set role = 'READ_ONLY' where name = 'Clem'"))
    answer = await writer.send("createCustomer", NEW, SELECT, **clem)
    assert (answer.status, answer.codes) == (403, ["FORBIDDEN"])


async def cut(owner: Connection) -> None:
    """End the connection that waits for a lock, as a restart of the database would."""
    waiting = text(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and wait_event_type = 'Lock'"
    )
    for _ in range(500):
        if owner.execute(waiting).all():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits for a lock")


async def _cut_in_the_middle(writer: Writer, acme: Things, given: dict[str, Any]) -> Any:
    """Send an update, cut its connection while it waits for the customer's row, and let it go on."""
    with writer.database.transaction(partner_id=writer.client.cast.ada.partner_id) as db:
        db.execute(text("select 1 from customer for update"))
        sent = asyncio.create_task(writer.send("updateCustomer", given, "customer { version }"))
        await cut(writer.client.owner)
    return await sent


async def test_a_connection_lost_in_the_middle_is_made_good_by_the_key(writer: Writer, acme: Things) -> None:
    given = {"id": acme["customer"], "city": "Peoria", "idempotencyKey": "one"}
    answer = await _cut_in_the_middle(writer, acme, given)
    assert answer.data["updateCustomer"] == {"customer": {"version": 2}, "errors": []}
    assert (await writer.send("updateCustomer", given, "customer { version }")).body == answer.body


async def test_a_connection_lost_without_a_key_is_told_and_not_tried_again(
    writer: Writer, acme: Things
) -> None:
    with nothing_changes(writer.client.owner):
        answer = await _cut_in_the_middle(writer, acme, {"id": acme["customer"], "city": "Peoria"})
        assert (answer.status, answer.codes, answer.headers["retry-after"]) == (503, ["UNAVAILABLE"], "5")


class Died(BaseException):
    """The process is gone."""


class Fatal:
    """The gateway, and a process that dies before or after its answer."""

    def __init__(self, gateway: Any, *, before: bool) -> None:
        self._gateway = gateway
        self._before = before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)

    def charge(self, **asked: Any) -> Any:
        if not self._before:
            self._gateway.charge(**asked)
        raise Died


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("reconciled", [True, False])
async def test_who_dies_while_paying_is_relieved_and_charged_once(
    payer: Writer, desk: Desk, before: bool, reconciled: bool
) -> None:
    invoice, card = desk.invoice(10_000), desk.card()
    given = order(card, (invoice, "100"), total="100")
    dying = Writer(payer.client, payer.database, Fatal(desk.sandbox.gateway, before=before)).restarted()
    with pytest.raises(Died):
        await dying.send("payInvoices", given, PAYMENT)
    with nothing_changes(payer.client.owner):
        assert await payer.refused("payInvoices", given) == [("IDEMPOTENCY_CONFLICT", "input.idempotencyKey")]
        for _ in range(2):
            assert await payer.refused("payInvoices", given, PAYMENT) == [
                ("IN_PROGRESS", "input.idempotencyKey")
            ]
    payer.client.now = desk.clock.advance(minutes=3, seconds=1)
    if reconciled:
        desk.reconcile()
    answer = await payer.send("payInvoices", given, PAYMENT)
    assert answer.data["payInvoices"]["payment"]["status"] == "SUCCEEDED"
    assert (len(desk.sandbox.charges()), desk.captured(), len(desk.receipts())) == (1, 10_000, 1)
    assert (await payer.restarted().send("payInvoices", given, PAYMENT)).body == answer.body


def test_whoever_takes_over_comes_after_the_last_try_was_left_alone() -> None:
    assert replays.ABANDONED > settling.ONE_TRY_LASTS


@pytest.mark.prove
async def test_of_many_payments_at_once_with_a_key_one_is_made(payer: Writer, desk: Desk) -> None:
    card = desk.card()
    for number in range(rounds(3, 20)):
        given = order(card, (desk.invoice(10_000), "100"), total="100", idempotencyKey=f"k{number}")
        answers = await asyncio.gather(*(payer.send("payInvoices", given, PAYMENT) for _ in range(6)))
        made = {answer.body for answer in answers if not answer.data["payInvoices"]["errors"]}
        codes = {error["code"] for answer in answers for error in answer.data["payInvoices"]["errors"]}
        assert (len(made), codes <= {"IN_PROGRESS"}) == (1, True)
        assert (await payer.send("payInvoices", given, PAYMENT)).body in made
        assert desk.captured() == 10_000 * (number + 1)


@pytest.mark.prove
async def test_of_many_keys_for_one_invoice_one_pays(payer: Writer, desk: Desk) -> None:
    card = desk.card()
    for number in range(rounds(3, 20)):
        invoice = desk.invoice(10_000)
        orders = [
            order(card, (invoice, "100"), total="100", idempotencyKey=f"{number}-{key}") for key in range(6)
        ]
        answers = await asyncio.gather(*(payer.send("payInvoices", one, PAYMENT) for one in orders))
        said = [answer.data["payInvoices"] for answer in answers]
        assert sorted(one["payment"]["status"] for one in said if one["payment"]) == ["SUCCEEDED"]
        codes = {error["code"] for one in said for error in one["errors"]}
        assert codes <= {"LESS_IS_LEFT", "INVOICE_NOT_OPEN"}
        assert desk.captured() == 10_000 * (number + 1)
