"""Payment methods and portal sessions, written through the API: what is shown once, and where payers go."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from tests.api.client import ORIGIN
from tests.api.mutations import BACK
from tests.api.writing import Things, Writer
from tests.money.desk import VISA, Desk
from tests.world import nothing_changes, world

pytestmark = pytest.mark.anyio
SETUP = "setup { id pageUrl fieldsUrl fieldsOrigin }"


def acme_of(writer: Writer) -> str:
    return f"cus_{writer.client.cast.customers['acme'].hex}"


async def entered(payer: Writer, desk: Desk, **who: Any) -> dict[str, Any]:
    """A setup whose card was typed at the gateway."""
    given = {"customerId": acme_of(payer), "returnUrl": BACK}
    setup: dict[str, Any] = (await payer.do("createPaymentMethodSetup", given, SETUP, **who))["setup"]
    token = urlsplit(setup["pageUrl"]).path.rpartition("/")[2]
    back = desk.sandbox.type_card(VISA, token=token)
    assert back.headers["location"] == f"{BACK}?setup={setup['id']}"
    return setup


@pytest.mark.parametrize("who", ["key", "petra", "browser"])
async def test_a_card_is_typed_at_the_gateway_and_kept_here(payer: Writer, desk: Desk, who: str) -> None:
    asks = {"key": dict, "petra": lambda: payer.at("petra"), "browser": lambda: payer.browser("acme")}[who]()
    setup = await entered(payer, desk, **asks)
    assert setup["pageUrl"].startswith(desk.sandbox.url)
    assert setup["fieldsUrl"].startswith(setup["fieldsOrigin"])
    select = "paymentMethod { brand last4 isDefault customer { company } }"
    kept = await payer.do("finishPaymentMethodSetup", {"setupId": setup["id"]}, select, **asks)
    assert kept["paymentMethod"] == {
        "brand": "visa", "last4": "4242", "isDefault": True, "customer": {"company": "Acme"},
    }  # fmt: skip
    with nothing_changes(payer.client.owner):
        again = await payer.do("finishPaymentMethodSetup", {"setupId": setup["id"]}, select, **asks)
        assert again == kept


async def test_a_setup_that_is_not_done_has_no_card_yet(payer: Writer) -> None:
    given = {"customerId": acme_of(payer), "returnUrl": BACK}
    setup = (await payer.do("createPaymentMethodSetup", given, SETUP))["setup"]
    with nothing_changes(payer.client.owner):
        said = await payer.do("finishPaymentMethodSetup", {"setupId": setup["id"]}, "paymentMethod { id }")
        assert said == {"paymentMethod": None, "errors": []}


async def test_a_repeated_key_opens_no_second_form_and_shows_no_address_again(payer: Writer) -> None:
    given = {"customerId": acme_of(payer), "returnUrl": BACK, "idempotencyKey": "form-1"}
    first = (await payer.do("createPaymentMethodSetup", given, SETUP))["setup"]
    with nothing_changes(payer.client.owner):
        again = (await payer.do("createPaymentMethodSetup", given, SETUP))["setup"]
    assert again == {**first, "pageUrl": None, "fieldsUrl": None}
    assert first["pageUrl"].rpartition("/")[2] not in str(world(payer.client.owner))


async def test_a_gateway_that_is_down_gives_the_key_back(payer: Writer, desk: Desk) -> None:
    given = {"customerId": acme_of(payer), "returnUrl": BACK, "idempotencyKey": "form-1"}
    desk.sandbox.fail("500", on="setup")
    answer = await payer.send("createPaymentMethodSetup", given, SETUP)
    assert (answer.status, answer.codes) == (429, ["GATEWAY_DOWN"])
    assert payer.client.owner.scalar(text("select count(*) from stored_answer")) == 0
    assert (await payer.do("createPaymentMethodSetup", given, SETUP))["setup"]["pageUrl"]


async def test_wrong_setups_never_reach_the_gateway(writer: Writer, acme: Things) -> None:
    with nothing_changes(writer.client.owner):
        nowhere = {"customerId": acme["customer"]}
        assert await writer.refused("createPaymentMethodSetup", nowhere) == [("REQUIRED", "input.returnUrl")]
        closed = {"customerId": acme["setup"], "returnUrl": BACK, "idempotencyKey": "form-1"}
        assert await writer.refused("createPaymentMethodSetup", closed) == [("CUSTOMER_NOT_SET_UP", "input")]


MALFORMED = (
    "//pay.example/back", "/back", "https:/pay.example", "https://pay.example@evil.example/", "https://", "*",
    "https://evil.example\\@pay.example", "javascript:alert(1)//https://pay.example", "data:text/html,x",
    "https://pay.example/a b", "https://pay.example/\r\nX: 1", "https://pay.example/#x", "https://ｐay.example/",
    "http://pay.example/back", "ftp://pay.example/x", "https://pay.example/" + "x" * 2000, "https://[::1",
    "HTTPS:pay.example", "https://user:pw@pay.example/", "https://pay.example:99999/", "https://pay_.example/",
)  # fmt: skip
ELSEWHERE = (
    "https://pay.example.evil.example/", "https://pay.example:444/back", "https://elsewhere.example/back",
    "http://localhost/back", "https://pay.example./back",
)  # fmt: skip


async def test_payers_are_sent_back_to_the_own_site_only(writer: Writer, acme: Things) -> None:
    asks: dict[str, Any] = {"key": {}, "petra": writer.at("petra"), "browser": writer.browser("acme")}
    with nothing_changes(writer.client.owner):
        for who, how in asks.items():
            # A server's key answers for whatever site of its partner it names.
            for url in MALFORMED if who == "key" else (*MALFORMED, *ELSEWHERE):
                given = {"customerId": acme["customer"], "returnUrl": url}
                assert await writer.refused("createPaymentMethodSetup", given, **how) == [
                    ("BAD_RETURN_URL", "input.returnUrl")
                ], (who, url)


async def test_a_server_names_any_site_of_its_partner(payer: Writer) -> None:
    for url in ELSEWHERE[:4]:
        given = {"customerId": acme_of(payer), "returnUrl": url}
        assert (await payer.do("createPaymentMethodSetup", given, SETUP))["setup"]["id"]


async def test_another_default_takes_the_place_of_the_first(writer: Writer, acme: Things) -> None:
    petra = writer.at("petra")
    select = "paymentMethod { id isDefault }"
    done = await writer.do("setDefaultPaymentMethod", {"id": acme["second_method"]}, select, **petra)
    assert done["paymentMethod"] == {"id": acme["second_method"], "isDefault": True}
    listed = await writer.client.ask(
        "{ viewer { customer { paymentMethods { nodes { id isDefault } } } } }", **petra
    )
    nodes = listed.data["viewer"]["customer"]["paymentMethods"]["nodes"]
    assert {node["id"]: node["isDefault"] for node in nodes} == {
        acme["method"]: False, acme["second_method"]: True,
    }  # fmt: skip


async def test_a_removed_method_leaves_its_place_to_the_other(writer: Writer, acme: Things) -> None:
    select = "paymentMethod { id removedAt isDefault } defaultPaymentMethod { id }"
    one = {"id": acme["method"]}
    done = await writer.do("removePaymentMethod", one, select)
    assert done["paymentMethod"] == {
        "id": acme["method"], "removedAt": "2026-03-10T17:00:00.000000Z", "isDefault": False,
    }  # fmt: skip
    assert done["defaultPaymentMethod"] == {"id": acme["second_method"]}
    with nothing_changes(writer.client.owner):
        assert await writer.do("removePaymentMethod", one, select) == done
        assert await writer.refused("setDefaultPaymentMethod", one) == [("PAYMENT_METHOD_REMOVED", "input")]
    last = await writer.do("removePaymentMethod", {"id": acme["second_method"]}, select)
    assert last["defaultPaymentMethod"] is None


async def test_a_portal_session_opens_one_customers_world_from_its_origins(
    writer: Writer, acme: Things
) -> None:
    given = {"customerId": acme["customer"], "origins": [ORIGIN, "http://localhost:5173"]}
    made = await writer.do("createPortalSession", given, "token expiresAt customer { company }")
    assert (made["expiresAt"], made["customer"]) == ("2026-03-10T17:15:00.000000Z", {"company": "Acme"})
    asks = {"key": made["token"], "headers": {"origin": ORIGIN}}
    said = await writer.client.ask("{ viewer { kind customer { company } } }", **asks)
    assert said.data == {"viewer": {"kind": "PORTAL_TOKEN", "customer": {"company": "Acme"}}}
    assert made["token"] not in str(world(writer.client.owner))


async def test_a_portal_session_with_wrong_origins_is_refused(writer: Writer, acme: Things) -> None:
    with nothing_changes(writer.client.owner):
        given = {
            "customerId": acme["customer"],
            "origins": [ORIGIN, "*", "http://pay.example", "https://a/b"],
        }
        assert await writer.refused("createPortalSession", given, "token") == [
            ("BAD_ORIGIN", "input.origins.1"),
            ("BAD_ORIGIN", "input.origins.2"),
            ("BAD_ORIGIN", "input.origins.3"),
        ]
        setup = {"customerId": acme["setup"], "origins": [ORIGIN]}
        assert await writer.refused("createPortalSession", setup) == [("CUSTOMER_NOT_SET_UP", "input")]


async def test_the_token_is_shown_once_and_never_kept(writer: Writer, acme: Things) -> None:
    given = {"customerId": acme["customer"], "origins": [ORIGIN], "idempotencyKey": "session-1"}
    first = await writer.do("createPortalSession", given, "token expiresAt")
    with nothing_changes(writer.client.owner):
        again = await writer.do("createPortalSession", given, "token expiresAt")
    assert again == {**first, "token": None}
    assert first["token"] not in str(world(writer.client.owner))
