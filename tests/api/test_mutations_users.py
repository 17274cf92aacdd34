"""Customers' users, written through the API."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.api.writing import ANN, Things, Writer
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
USER = "user { name role status invite { status expiresAt } }"


async def test_an_invited_user_has_an_invite_and_a_mail(writer: Writer, acme: Things) -> None:
    mails = writer.client.owner.scalar(text("select count(*) from mail"))
    made = await writer.do("inviteUser", {"customerId": acme["customer"], **ANN}, USER)
    assert made["user"] == {
        "name": "Ann", "role": "PAYER", "status": "INVITED",
        "invite": {"status": "PENDING", "expiresAt": "2026-03-13T17:00:00.000000Z"},
    }  # fmt: skip
    assert writer.client.owner.scalar(text("select count(*) from mail")) == mails + 1


async def test_the_first_user_of_a_setup_makes_it_active(writer: Writer, acme: Things) -> None:
    select = "user { role customer { status } }"
    made = await writer.do("inviteUser", {"customerId": acme["setup"], **ANN}, select)
    assert made["user"] == {"role": "MANAGER", "customer": {"status": "ACTIVE"}}


async def test_a_wrong_user_is_refused_at_every_field(writer: Writer, acme: Things) -> None:
    with nothing_changes(writer.client.owner):
        given = {"customerId": acme["customer"], "email": "nobody"}
        assert await writer.refused("inviteUser", given, "user { id }") == [
            ("REQUIRED", "input.name"),
            ("BAD_EMAIL", "input.email"),
        ]
        given = {"customerId": acme["customer"], "name": "Una", "email": "UNA@acme.example"}
        assert await writer.refused("inviteUser", given) == [("ALREADY_USER", "input.email")]


async def test_carl_invites_a_colleague_and_petra_cannot(writer: Writer, acme: Things) -> None:
    given, carl, petra = {"customerId": acme["customer"], **ANN}, writer.at("carl"), writer.at("petra")
    with nothing_changes(writer.client.owner):
        answer = await writer.send("inviteUser", given, **petra)
        assert (answer.status, answer.codes) == (403, ["FORBIDDEN"])
    made = await writer.do("inviteUser", {**given, "role": "MANAGER"}, "user { role }", **carl)
    assert made["user"] == {"role": "MANAGER"}


async def test_a_resent_invite_is_another_one(writer: Writer, acme: Things) -> None:
    writer.client.now += timedelta(hours=1)
    select = "user { invite { expiresAt } invites { nodes { status } } }"
    made = await writer.do("resendInvite", {"userId": acme["invited"]}, select)
    assert made["user"] == {
        "invite": {"expiresAt": "2026-03-13T18:00:00.000000Z"},
        "invites": {"nodes": [{"status": "PENDING"}, {"status": "REVOKED"}]},
    }


async def test_who_has_accepted_is_not_invited_again(writer: Writer, acme: Things) -> None:
    with nothing_changes(writer.client.owner):
        for name in ("resendInvite", "revokeInvite"):
            assert await writer.refused(name, {"userId": acme["manager"]}) == [("NOT_INVITED", "input")]


async def test_the_sixth_invite_of_a_day_is_refused_as_too_many(writer: Writer, acme: Things) -> None:
    for _ in range(4):
        await writer.do("resendInvite", {"userId": acme["invited"]})
    with nothing_changes(writer.client.owner):
        answer = await writer.send("resendInvite", {"userId": acme["invited"]})
        assert (answer.status, answer.codes) == (429, ["TOO_MANY"])
        assert answer.headers["retry-after"] == "86400"


async def test_a_revoked_invite_leaves_the_user_invited(writer: Writer, acme: Things) -> None:
    made = await writer.do("revokeInvite", {"userId": acme["invited"]}, USER)
    assert made["user"] == {"name": "Una", "role": "PAYER", "status": "INVITED", "invite": None}
    with nothing_changes(writer.client.owner):
        assert await writer.do("revokeInvite", {"userId": acme["invited"]}, USER) == made


async def test_another_role_replaces_the_open_invite(writer: Writer, acme: Things) -> None:
    select = "user { role invites { nodes { status } } }"
    made = await writer.do("updateUserRole", {"id": acme["invited"], "role": "VIEWER"}, select)
    assert made["user"]["role"] == "VIEWER"
    assert sorted(node["status"] for node in made["user"]["invites"]["nodes"]) == ["PENDING", "REVOKED"]


async def test_the_last_manager_stays(writer: Writer, acme: Things) -> None:
    with nothing_changes(writer.client.owner):
        demoted = {"id": acme["manager"], "role": "PAYER"}
        assert await writer.refused("updateUserRole", demoted) == [("LAST_ONE", "input")]
        assert await writer.refused("removeUser", {"id": acme["manager"]}) == [("LAST_ONE", "input")]


async def test_a_disabled_user_is_kept_out_until_enabled(writer: Writer, acme: Things) -> None:
    una = {"id": acme["invited"]}
    shown = "user { status invite { id } }"
    with nothing_changes(writer.client.owner):
        assert await writer.refused("enableUser", una) == [("NOT_DISABLED", "input")]
        made = await writer.do("disableUser", {**una, "dryRun": True}, shown)
        assert made["user"] == {"status": "DISABLED", "invite": None}
    assert (await writer.do("disableUser", una, shown))["user"] == {"status": "DISABLED", "invite": None}
    with nothing_changes(writer.client.owner):
        # Twice is once.
        assert (await writer.do("disableUser", una, shown))["user"]["status"] == "DISABLED"
        assert (await writer.do("enableUser", {**una, "dryRun": True}, shown))["user"]["status"] == "INVITED"
    # Whoever never accepted has no link any more: it is to be sent anew.
    assert (await writer.do("enableUser", una, shown))["user"] == {"status": "INVITED", "invite": None}
    assert (await writer.do("resendInvite", {"userId": una["id"]}, shown))["user"]["invite"]


async def test_the_last_manager_is_not_disabled_and_nobody_enabled_in_an_archived_customer(
    writer: Writer, acme: Things
) -> None:
    with nothing_changes(writer.client.owner):
        assert await writer.refused("disableUser", {"id": acme["manager"]}) == [("LAST_ONE", "input")]
    await writer.do("archiveCustomer", {"id": acme["customer"]})
    with nothing_changes(writer.client.owner):
        refused = await writer.refused("enableUser", {"id": acme["disabled"]})
        assert refused == [("CUSTOMER_ARCHIVED", "input")]


async def test_a_removed_user_is_gone_and_stays_on_record(writer: Writer, acme: Things) -> None:
    made = await writer.do("removeUser", {"id": acme["invited"]}, "user { status removedAt invite { id } }")
    assert made["user"] == {"status": "REMOVED", "removedAt": "2026-03-10T17:00:00.000000Z", "invite": None}
    with nothing_changes(writer.client.owner):
        assert await writer.refused("removeUser", {"id": acme["invited"]}) == [("USER_REMOVED", "input")]


async def test_staff_are_no_customers_users(writer: Writer) -> None:
    clem = f"usr_{writer.client.cast.clem.id.hex}"
    with nothing_changes(writer.client.owner):
        for name, given in (
            ("removeUser", {"id": clem}),
            ("disableUser", {"id": clem}),
            ("enableUser", {"id": clem}),
            ("updateUserRole", {"id": clem, "role": "MANAGER"}),
        ):
            assert await writer.refused(name, given) == [("NOT_FOUND", "input.id")]


async def test_whoever_invites_chooses_the_language_and_corrects_it(writer: Writer, acme: Things) -> None:
    given, select = {"customerId": acme["customer"], **ANN}, "user { id locale }"
    made = (await writer.do("inviteUser", {**given, "locale": "fr"}, select))["user"]
    assert made["locale"] == "fr"
    for locale, shown in ((None, "fr"), ("EN", "en"), ("", None)):
        done = await writer.do("correctUser", {"id": made["id"], "locale": locale}, select)
        assert done["user"] == {"id": made["id"], "locale": shown}
    users = [{**ANN, "locale": "fr"}, {"name": "Bob", "email": "bob@rockets.example"}]
    done = await writer.do("finishCustomerSetup", {"id": acme["setup"], "users": users}, "users { locale }")
    assert done["users"] == [{"locale": "fr"}, {"locale": None}]
    asked = {"id": acme["asked"], "customerId": acme["customer"], "locale": "fr"}
    done = await writer.do("approveAccessRequest", asked, "accessRequest { user { locale } }")
    assert done["accessRequest"]["user"] == {"locale": "fr"}


async def test_a_language_that_there_is_not_is_refused_at_its_field(writer: Writer, acme: Things) -> None:
    wrong = [("UNKNOWN_LANGUAGE", "input.locale")]
    with nothing_changes(writer.client.owner):
        given = {"customerId": acme["customer"], **ANN, "locale": "de"}
        assert await writer.refused("inviteUser", given) == wrong
        assert await writer.refused("correctUser", {"id": acme["invited"], "locale": "de"}) == wrong
        users = [{**ANN, "locale": "de"}]
        assert await writer.refused("finishCustomerSetup", {"id": acme["setup"], "users": users}) == [
            ("UNKNOWN_LANGUAGE", "input.users.0.locale")
        ]
