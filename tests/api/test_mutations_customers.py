"""Customers, written through the API: what comes back, and what is refused with everything left as it was."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.api.writing import ANN, BOB, COMPANY, Things, Writer
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
SAVED = "customer { company legalName taxId state postalCode currency status version }"


def count(writer: Writer, table: str, where: str = "true") -> int:
    counted: int = writer.client.owner.scalar(text(f"select count(*) from {table} where {where}"))
    return counted


async def test_a_customer_without_users_is_in_setup(writer: Writer) -> None:
    made = await writer.do("createCustomer", COMPANY, f"{SAVED} users {{ name }} warnings {{ code }}")
    assert made["customer"] == {
        "company": "Acme Rockets", "legalName": "Acme Rockets, Inc.", "taxId": "123456789", "state": "IL",
        "postalCode": "62701", "currency": "USD", "status": "SETUP", "version": 1,
    }  # fmt: skip
    assert (made["users"], made["warnings"]) == ([], [])
    assert count(writer, "mail") == 0


async def test_a_customer_with_users_is_active_and_they_are_invited(writer: Writer) -> None:
    given = {**COMPANY, "users": [ANN, {**BOB, "role": "VIEWER"}]}
    select = "customer { status createdAt } users { name email role status invite { status } }"
    made = await writer.do("createCustomer", given, select)
    assert made["customer"] == {"status": "ACTIVE", "createdAt": "2026-03-10T17:00:00.000000Z"}
    assert made["users"] == [
        {**ANN, "role": "MANAGER", "status": "INVITED", "invite": {"status": "PENDING"}},
        {**BOB, "role": "VIEWER", "status": "INVITED", "invite": {"status": "PENDING"}},
    ]
    assert (count(writer, "mail"), count(writer, "procrastinate_jobs")) == (2, 2)


async def test_a_canadian_customer_is_stored_as_codes(writer: Writer) -> None:
    given = {
        **COMPANY, "country": "CA", "state": "québec", "postalCode": "h2x1y4", "taxId": None,
        "timeZone": "America/Montreal", "termsDays": 45, "externalId": "QB-7",
    }  # fmt: skip
    select = "customer { state postalCode currency taxId timeZone termsDays externalId }"
    assert (await writer.do("createCustomer", given, select))["customer"] == {
        "state": "QC", "postalCode": "H2X 1Y4", "currency": "CAD", "taxId": None,
        "timeZone": "America/Montreal", "termsDays": 45, "externalId": "QB-7",
    }  # fmt: skip


async def test_all_wrong_fields_come_back_at_once_at_their_places(writer: Writer) -> None:
    wrong = {
        "company": "4242 4242 4242 4242", "taxId": "12", "state": "Ontario", "postalCode": "x",
        "country": "US", "timeZone": "Mars", "termsDays": 999,
        "users": [{"name": "", "email": "nobody"}, {"name": "Bob", "email": "bob@x.example"},
                  {"name": "Bo", "email": "BOB@x.example"}],
    }  # fmt: skip
    with nothing_changes(writer.client.owner):
        assert await writer.refused("createCustomer", wrong, "customer { id } users { id }") == [
            ("CARD_NUMBER", "input.company"),
            ("REQUIRED", "input.address"),
            ("REQUIRED", "input.city"),
            ("UNKNOWN_STATE", "input.state"),
            ("BAD_ZIP", "input.postalCode"),
            ("BAD_EIN", "input.taxId"),
            ("UNKNOWN_TIME_ZONE", "input.timeZone"),
            ("BAD_TERMS", "input.termsDays"),
            ("REQUIRED", "input.users.0.name"),
            ("BAD_EMAIL", "input.users.0.email"),
            ("DUPLICATE", "input.users.2.email"),
        ]


async def test_an_error_says_how_to_mend_it(writer: Writer) -> None:
    answer = await writer.send("createCustomer", {**COMPANY, "taxId": "12"})
    assert answer.data["createCustomer"]["errors"] == [
        {"code": "BAD_EIN", "message": "Enter the EIN as XX-XXXXXXX.", "path": ["input", "taxId"]}
    ]


async def test_a_likely_duplicate_is_pointed_out_and_saved(writer: Writer) -> None:
    select = "customer { company } warnings { code message path recordId }"
    first = (await writer.do("createCustomer", COMPANY, "customer { id }"))["customer"]["id"]
    again = await writer.do("createCustomer", {**COMPANY, "taxId": "072222222"}, select)
    assert again["customer"] == {"company": "Acme Rockets"}
    assert again["warnings"] == [
        {
            "code": "EIN_PREFIX_NOT_ISSUED", "path": ["input", "taxId"],
            "message": "The IRS has not issued EINs that start with 07. Check the number.",
            "recordId": None,
        },
        {
            "code": "POSSIBLE_DUPLICATE", "path": ["input", "company"],
            "message": "Acme Rockets already has this name and ZIP or postal code. "
            "Check that this is not the same company.",
            "recordId": first,
        },
    ]  # fmt: skip


async def test_an_external_id_is_used_once(writer: Writer) -> None:
    await writer.do("createCustomer", {**COMPANY, "externalId": "QB-7"})
    with nothing_changes(writer.client.owner):
        taken = {**COMPANY, "externalId": "QB-7"}
        assert await writer.refused("createCustomer", taken) == [("EXTERNAL_ID_TAKEN", "input.externalId")]


async def test_a_setup_is_finished_with_users_once(writer: Writer, acme: Things) -> None:
    given = {"id": acme["setup"], "users": [ANN]}
    made = await writer.do("finishCustomerSetup", given, "customer { status } users { name role }")
    assert made["customer"] == {"status": "ACTIVE"}
    assert made["users"] == [{"name": "Ann", "role": "MANAGER"}]
    with nothing_changes(writer.client.owner):
        assert await writer.refused("finishCustomerSetup", given) == [("CUSTOMER_ALREADY_SET_UP", "input")]


async def test_a_setup_is_not_finished_without_a_user_or_a_manager(writer: Writer, acme: Things) -> None:
    viewer = {**ANN, "role": "VIEWER"}
    with nothing_changes(writer.client.owner):
        for users, code in (([], "REQUIRED"), ([{"name": " "}], "REQUIRED"), ([viewer], "NO_MANAGER")):
            given = {"id": acme["setup"], "users": users}
            assert await writer.refused("finishCustomerSetup", given) == [(code, "input.users")]


async def test_an_update_changes_what_is_given_and_nothing_else(writer: Writer, acme: Things) -> None:
    given = {"id": acme["setup"], "city": "Peoria", "legalName": None, "version": 1}
    select = "customer { company city legalName version updatedAt } warnings { code }"
    writer.client.now = writer.client.now.replace(hour=18)
    changed = await writer.do("updateCustomer", given, select)
    assert changed["customer"] == {
        "company": "Acme Rockets", "city": "Peoria", "legalName": None, "version": 2,
        "updatedAt": "2026-03-10T18:00:00.000000Z",
    }  # fmt: skip
    again = await writer.do("updateCustomer", {"id": acme["setup"], "city": "Peoria"}, "customer { version }")
    assert again["customer"] == {"version": 2}


async def test_an_update_of_what_changed_meanwhile_is_refused(writer: Writer, acme: Things) -> None:
    with nothing_changes(writer.client.owner):
        given = {"id": acme["setup"], "city": "Peoria", "version": 7}
        assert await writer.refused("updateCustomer", given) == [("CONFLICT", "input")]
        empty = {"id": acme["setup"], "company": None, "state": "ON", "externalId": "x" * 101}
        assert await writer.refused("updateCustomer", empty) == [
            ("REQUIRED", "input.company"),
            ("UNKNOWN_STATE", "input.state"),
            ("TOO_LONG", "input.externalId"),
        ]


async def test_the_currency_is_fixed_by_the_first_invoice(writer: Writer, acme: Things) -> None:
    with nothing_changes(writer.client.owner):
        given = {"id": acme["customer"], "currency": "CAD"}
        assert await writer.refused("updateCustomer", given) == [("CURRENCY_FIXED", "input.currency")]


async def test_an_archived_customer_is_closed_until_it_is_restored(writer: Writer, acme: Things) -> None:
    one = {"id": acme["customer"]}
    select = "customer { status archivedAt hasInvitedUsers }"
    archived = await writer.do("archiveCustomer", one, select)
    assert archived["customer"]["status"] == "ARCHIVED"
    assert archived["customer"]["archivedAt"] == "2026-03-10T17:00:00.000000Z"
    assert count(writer, "invite", "revoked_at is null and accepted_at is null") == 0
    with nothing_changes(writer.client.owner):
        assert await writer.do("archiveCustomer", one, select) == archived
        for name, given in (
            ("updateCustomer", {**one, "city": "Peoria"}),
            ("inviteUser", {"customerId": acme["customer"], **ANN}),
            ("createPortalSession", {"customerId": acme["customer"], "origins": ["https://a.example"]}),
        ):
            assert await writer.refused(name, given) == [("CUSTOMER_ARCHIVED", "input")]
    restored = await writer.do("restoreCustomer", one, select)
    assert restored["customer"] == {"status": "ACTIVE", "archivedAt": None, "hasInvitedUsers": True}


async def test_every_act_is_in_the_audit_log_with_who_did_it(writer: Writer, acme: Things) -> None:
    clem = writer.at("clem")
    await writer.do("updateCustomer", {"id": acme["customer"], "city": "Peoria"}, **clem)
    await writer.do("archiveCustomer", {"id": acme["customer"]})
    acts = "('customer.updated', 'customer.archived')"
    rows = writer.client.owner.execute(
        text(f"select actor_name, action from audit_event where action in {acts} order by id")
    )
    found: list[Any] = [tuple(row) for row in rows]
    assert found == [("Clem", "customer.updated"), ("all scopes", "customer.archived")]


async def test_many_customers_are_archived_and_restored_at_once(writer: Writer, acme: Things) -> None:
    both = {"customerIds": [acme["customer"], acme["setup"], acme["customer"]]}
    select = "customers { company status } changedCount"
    done = await writer.do("archiveCustomers", both, select)
    assert done["changedCount"] == 2
    assert {one["status"] for one in done["customers"]} == {"ARCHIVED"}
    assert (await writer.do("archiveCustomers", both, select))["changedCount"] == 0
    done = await writer.do("restoreCustomers", both, select)
    assert (done["changedCount"], sorted(one["status"] for one in done["customers"])) == (
        2, ["ACTIVE", "SETUP"],
    )  # fmt: skip


async def test_no_customer_at_all_is_refused(writer: Writer, acme: Things) -> None:
    with nothing_changes(writer.client.owner):
        for name in ("archiveCustomers", "restoreCustomers"):
            assert await writer.refused(name, {"customerIds": []}) == [("REQUIRED", "input.customerIds")]
