"""Who may change what: scopes of keys, roles of people, inputs that reach for more (A-5, A-6, A-8, M-6)."""

from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from api.schema import GRAPHQL, changes
from api.users import CustomerRole
from auth import refusals
from auth.actors import KEY_SCOPES, RIGHTS, Action
from auth.refusals import Teller
from auth.roles import CUSTOMER_ROLES
from tests.api.client import ORIGIN
from tests.api.mutations import SAMPLES
from tests.api.writing import ANN, COMPANY, Things, Writer, usd
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio


async def test_a_key_without_the_scope_is_refused_and_told_which(writer: Writer, acme: Things) -> None:
    wanted = sorted({scope for sample in SAMPLES for scope in sample.scopes})
    keys = {scope: writer.key_without(scope) for scope in wanted}
    with nothing_changes(writer.client.owner):
        for sample in SAMPLES:
            for scope in sample.scopes:
                answer = await writer.send(sample.name, sample.given(acme), key=keys[scope])
                assert answer.status == 403
                (error,) = answer.json["errors"]
                assert error["extensions"] == {"code": "FORBIDDEN", "scope": scope}
                assert scope in error["message"]
                assert "data" not in answer.json


async def test_users_are_not_made_on_the_side_without_the_right_to(writer: Writer) -> None:
    key = writer.key_without("users:write")
    answer = await writer.send("createCustomer", {**COMPANY, "users": [ANN]}, key=key)
    assert answer.json["errors"][0]["extensions"] == {"code": "FORBIDDEN", "scope": "users:write"}
    assert (await writer.do("createCustomer", COMPANY, "customer { status }", key=key))["customer"] == {
        "status": "SETUP"
    }


async def test_what_may_not_be_read_is_not_changed_to_be_read(writer: Writer) -> None:
    key = writer.key_without("tags:read")
    given = {"name": "VIP", "colour": "#112233"}
    with nothing_changes(writer.client.owner):
        answer = await writer.send("createTag", given, "tag { name }", key=key)
        assert (answer.status, answer.codes) == (403, ["FORBIDDEN"])
        assert answer.json["errors"][0]["extensions"]["scope"] == "tags:read"
    assert (await writer.send("createTag", given, key=key)).data == {"createTag": {"errors": []}}


PEOPLE = ("ada", "sue", "clem", "rita", "carl", "petra", "vera")


@pytest.mark.parametrize("who", PEOPLE)
async def test_people_are_refused_what_their_role_does_not_allow(
    writer: Writer, acme: Things, who: str
) -> None:
    asks, role = writer.at(who), writer.client.cast.actors[who].role
    assert role is not None
    rights = {action.value for action in RIGHTS[role]}
    with nothing_changes(writer.client.owner):
        for sample in SAMPLES:
            missing = [scope for scope in sample.scopes if scope not in rights]
            if missing:
                answer = await writer.send(sample.name, sample.given(acme), **asks)
                assert (answer.status, answer.codes) == (403, ["FORBIDDEN"]), sample.name
                assert answer.json["errors"][0]["extensions"]["scope"] == missing[0]


async def test_a_portal_token_may_what_a_payer_may(writer: Writer, acme: Things) -> None:
    browser, rights = writer.browser("acme"), {action.value for action in RIGHTS[role_named("PAYER")]}
    with nothing_changes(writer.client.owner):
        for sample in SAMPLES:
            if not set(sample.scopes) <= rights:
                answer = await writer.send(sample.name, sample.given(acme), **browser)
                assert (answer.status, answer.codes) == (403, ["FORBIDDEN"]), sample.name
    made = await writer.do("createTag", {"name": "Mine", "colour": "#112233"}, "tag { name }", **browser)
    assert made["tag"] == {"name": "Mine"}


def role_named(name: str) -> Any:
    return next(role for role in RIGHTS if role.value == name)


async def test_customers_do_not_tag_companies(writer: Writer, acme: Things) -> None:
    carl = writer.at("carl")
    given = {"tagIds": [acme["own_tag"]], "customerIds": [acme["customer"]]}
    with nothing_changes(writer.client.owner):
        for name in ("tagCustomers", "untagCustomers"):
            answer = await writer.send(name, given, **carl)
            assert (answer.status, answer.codes) == (403, ["FORBIDDEN"])


async def test_carl_gives_no_role_above_his_customer_and_petra_none(writer: Writer, acme: Things) -> None:
    carl, petra = writer.at("carl"), writer.at("petra")
    with nothing_changes(writer.client.owner):
        for role in ("ADMIN", "SUB_ADMIN", "MEMBER", "READ_ONLY", "OWNER", ""):
            for name, given in (
                ("inviteUser", {"customerId": acme["customer"], **ANN}),
                ("updateUserRole", {"id": acme["invited"]}),
            ):
                answer = await writer.send(name, {**given, "role": role}, **carl)
                assert (answer.status, answer.codes) == (400, ["INVALID_DOCUMENT"])
        given = {"id": f"usr_{writer.client.cast.petra.id.hex}", "role": "MANAGER"}
        answer = await writer.send("updateUserRole", given, **petra)
        assert (answer.status, answer.codes) == (403, ["FORBIDDEN"])


def test_the_roles_that_can_be_given_are_the_customers() -> None:
    assert {role.value for role in CustomerRole} == {role.value for role in CUSTOMER_ROLES}


PRIVILEGED = (
    "role", "partnerId", "partner_id", "customerId", "customer_id", "status", "amountPaid", "paidMinor",
    "openMinor", "slug", "number", "total", "ownerId", "userId", "isDefault", "createdAt", "archivedAt",
    "actorId", "scopes", "__typename", "constructor",
)  # fmt: skip


async def test_privileged_fields_in_inputs_are_refused(writer: Writer, acme: Things) -> None:
    cells = 0
    with nothing_changes(writer.client.owner):
        for sample in SAMPLES:
            kind: Any = GRAPHQL.get_type(f"{sample.name[0].upper()}{sample.name[1:]}Input")
            for name in PRIVILEGED:
                if name not in kind.fields:
                    answer = await writer.send(sample.name, {**sample.given(acme), name: "ADMIN"})
                    assert answer.status == 400, (sample.name, name)
                    assert set(answer.codes) == {"INVALID_DOCUMENT"}
                    assert b"ADMIN" not in answer.body
                    cells += 1
    assert cells > 450


async def test_privileged_fields_in_a_document_are_refused(writer: Writer) -> None:
    with nothing_changes(writer.client.owner):
        for written in (
            "customer: {status: ACTIVE}",
            'status: "ACTIVE"',
            "openMinor: 5",
            "users: [{status: ACTIVE}]",
        ):
            given = f'input: {{company: "X", {written}}}'
            answer = await writer.client.ask(
                f"mutation {{ createCustomer({given}) {{ errors {{ code }} }} }}"
            )
            assert (answer.status, set(answer.codes)) == (400, {"INVALID_DOCUMENT"})


# Written down rather than moved, and as bad twice.
NOTED = ("recordOutsidePayment", "reverseOutsidePayment", "createCreditNote", "applyCredit")


def test_whatever_moves_money_must_have_a_key_and_everything_may() -> None:
    for name, change in changes().items():
        kind: Any = GRAPHQL.get_type(f"{name[0].upper()}{name[1:]}Input")
        moves_money = Action.PAY in change.needs({}) or name in NOTED
        assert str(kind.fields["idempotencyKey"].type) == ("String!" if moves_money else "String"), name


async def test_paying_without_a_key_is_refused(writer: Writer, acme: Things) -> None:
    given = {
        "customerId": acme["customer"], "paymentMethodId": acme["method"], "expectedTotal": usd("1"),
        "allocations": [{"invoiceId": acme["invoice"], "amount": usd("1")}],
    }  # fmt: skip
    with nothing_changes(writer.client.owner):
        assert (await writer.send("payInvoices", given)).codes == ["INVALID_DOCUMENT"]
        for key in (None, ""):
            answer = await writer.send("payInvoices", {**given, "idempotencyKey": key})
            if key is None:
                assert answer.codes == ["INVALID_DOCUMENT"]
            else:
                (error,) = answer.data["payInvoices"]["errors"]
                assert (error["code"], error["path"]) == ("BAD_IDEMPOTENCY_KEY", ["input", "idempotencyKey"])


async def test_a_revoked_key_and_a_removed_member_change_nothing_more(writer: Writer) -> None:
    given, clem = {"name": "VIP", "colour": "#112233"}, writer.at("clem")
    await writer.do("createTag", {**given, "name": "One"})
    await writer.do("createTag", {**given, "name": "Two"}, **clem)
    owner = writer.client.owner
    owner.execute(text("update api_key set revoked_at = now()"))
    owner.execute(text("update membership set status = 'REMOVED' where name = 'Clem'"))
    with nothing_changes(owner):
        assert (await writer.send("createTag", given)).status == 401
        assert (await writer.send("createTag", given, **clem)).status == 404


async def test_a_session_changes_nothing_from_another_site(writer: Writer) -> None:
    ada = writer.at("ada")
    writer.client.forged = True
    with nothing_changes(writer.client.owner):
        answer = await writer.send("createTag", {"name": "VIP", "colour": "#112233"}, **ada)
        assert answer.status == 403


async def test_a_key_changes_nothing_from_a_browser(writer: Writer) -> None:
    with nothing_changes(writer.client.owner):
        headers = {"origin": ORIGIN}
        answer = await writer.send("createTag", {"name": "VIP", "colour": "#112233"}, headers=headers)
        assert (answer.status, answer.codes) == (403, ["KEY_IN_BROWSER"])


async def test_portal_sessions_are_made_by_keys_only(writer: Writer, acme: Things) -> None:
    ada = writer.at("ada")
    given = {"customerId": acme["customer"], "origins": [ORIGIN]}
    with nothing_changes(writer.client.owner):
        answer = await writer.send("createPortalSession", given, **ada)
        assert (answer.status, answer.codes) == (403, ["API_KEY_ONLY"])


async def test_what_a_credential_may_not_is_told_once_each_in_the_log(
    writer: Writer, acme: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "TELLER", Teller())
    key, petra = writer.key_without("users:write"), writer.at("petra")
    given = {"customerId": acme["customer"], **ANN}
    with capture_logs() as lines:
        for _ in range(3):
            for who in ({"key": key}, petra, {"headers": {"origin": ORIGIN}}):
                assert (await writer.send("inviteUser", given, **who)).status == 403
            assert (await writer.send("inviteUser", {**given, "customerId": "cus_1"})).status == 200
    cast = writer.client.cast
    assert [(line["code"], line.get("scope"), line["kind"]) for line in lines] == [
        ("FORBIDDEN", "users:write", "API_KEY"), ("FORBIDDEN", "users:write", "CUSTOMER_USER"),
        ("KEY_IN_BROWSER", None, "API_KEY"),
    ]  # fmt: skip
    assert lines[1]["actor"] == str(cast.petra.id)
    assert key not in str(lines)


def test_every_scope_of_a_mutation_can_be_given_to_a_key() -> None:
    scopes = {action.value for action in KEY_SCOPES}
    assert {scope for sample in SAMPLES for scope in sample.scopes} <= scopes
