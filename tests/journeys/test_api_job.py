"""The main job over GraphQL, by a program that knows nothing but the address and a key."""

from decimal import Decimal
from typing import Any

import httpx2

from tests.cast import Cast
from tests.gateway import CARD
from tests.product import Product

SHOP = "https://shop.example"
ADDRESS = {"address": "120 Main Street", "city": "Springfield", "state": "Illinois", "postalCode": "62701",
           "country": "US"}  # fmt: skip
LINES = [
    {"description": "Managed service", "quantity": "12", "unitPrice": {"amount": "45.00", "currency": "USD"}},
    {"description": "Storage", "quantity": "1.2345", "unitPrice": {"amount": "100.01", "currency": "USD"},
     "taxes": [{"name": "Sales tax", "rate": "6.25"}]},
]  # fmt: skip


class Program:
    """A program at the endpoint: asks, and expects an answer without top-level errors."""

    def __init__(self, product: Product, key: str, origin: str | None = None) -> None:
        self._url = f"{product.url}/graphql"
        self._headers = {"authorization": f"Bearer {key}", **({"origin": origin} if origin else {})}

    def send(self, query: str, **variables: Any) -> httpx2.Response:
        return httpx2.post(
            self._url, json={"query": query, "variables": variables}, headers=self._headers, trust_env=False
        )

    def ask(self, query: str, **variables: Any) -> Any:
        answer = self.send(query, **variables)
        assert answer.status_code == 200, answer.text
        assert "errors" not in answer.json(), answer.text
        return answer.json()["data"]

    def do(self, name: str, asked: str, /, **given: Any) -> Any:
        """Carry out one mutation; its payload, errors included."""
        kind = name[0].upper() + name[1:]
        query = (
            f"mutation($input: {kind}Input!) {{ {name}(input: $input) {{ {asked} errors {{ code path }} }} }}"
        )
        return self.ask(query, input=given)[name]

    def done(self, name: str, asked: str, /, **given: Any) -> Any:
        """As `do`, and nothing was wrong."""
        payload = self.do(name, asked, **given)
        assert payload["errors"] == [], payload
        return payload


def add_customer(program: Program, product: Product) -> str:
    """Look at the rules, be refused, try it dry, do it, and again; its id."""
    rules = program.ask("{ addressRules(country: US) { postalPattern states { code name } } }")[
        "addressRules"
    ]
    assert {"code": "IL", "name": "Illinois"} in rules["states"]
    wrong = program.do("createCustomer", "customer { id }", company="", taxId="12", **ADDRESS)
    assert wrong["customer"] is None
    assert {tuple(error["path"]) for error in wrong["errors"]} == {("input", "company"), ("input", "taxId")}
    users = [
        {"name": "Dora Diaz", "email": "dora@soylent.example"},
        {"name": "Erik Esposito", "email": "erik@soylent.example"},
    ]
    fields = {"company": "Soylent Dental", "taxId": "41-3456789", "users": users, **ADDRESS}
    count = "{ customers { totalCount } }"
    before = program.ask(count)
    assert program.done("createCustomer", "customer { status }", dryRun=True, **fields)["customer"] == {
        "status": "ACTIVE"
    }
    assert program.ask(count) == before
    asked = "customer { id status users { nodes { name role status } } }"
    made = program.done("createCustomer", asked, idempotencyKey="soylent", **fields)
    assert program.done("createCustomer", asked, idempotencyKey="soylent", **fields) == made
    other = program.do(
        "createCustomer", asked, idempotencyKey="soylent", **{**fields, "company": "Soylent Two"}
    )
    assert [error["code"] for error in other["errors"]] == ["IDEMPOTENCY_CONFLICT"]
    assert made["customer"]["status"] == "ACTIVE"
    assert [(user["role"], user["status"]) for user in made["customer"]["users"]["nodes"]] == [
        ("MANAGER", "INVITED"), ("PAYER", "INVITED"),
    ]  # fmt: skip
    for user in users:
        assert product.mail(user["email"], "Northwind")
    return str(made["customer"]["id"])


def manage(program: Program, product: Product, customer: str) -> None:
    """Invite, send again, revoke; a tag and the list filtered by it; change, archive, restore."""
    user = program.done(
        "inviteUser", "user { id status }", customerId=customer, name="Finn", email="finn@soylent.example"
    )["user"]
    assert product.mail("finn@soylent.example")  # else the first is dropped, rightly: its link is dead
    program.done("resendInvite", "user { id }", userId=user["id"])
    assert product.mail("finn@soylent.example", number=2)
    assert program.done("revokeInvite", "user { id }", userId=user["id"])["user"] == {"id": user["id"]}
    tag = program.done("createTag", "tag { id }", name="Key account", colour="#0b7285")["tag"]["id"]
    program.done("updateTag", "tag { id }", id=tag, name="Key accounts")
    program.done("tagCustomers", "changedCount", tagIds=[tag], customerIds=[customer])
    listed = "query($tag: ID!) { customers(where: {tags: {any: [$tag]}}) { nodes { id tags { name } } } }"
    assert program.ask(listed, tag=tag)["customers"]["nodes"] == [
        {"id": customer, "tags": [{"name": "Key accounts"}]}
    ]
    found = program.ask('{ customers(search: "soyl") { edges { node { id } } } }')["customers"]["edges"]
    assert found == [{"node": {"id": customer}}]
    program.done("untagCustomers", "changedCount", tagIds=[tag], customerIds=[customer])
    program.done("deleteTag", "deletedId", id=tag)
    version = program.ask("query($id: ID!) { customer(id: $id) { version } }", id=customer)["customer"][
        "version"
    ]
    changed = program.done(
        "updateCustomer", "customer { city }", id=customer, version=version, city="Peoria", postalCode="61602"
    )
    assert changed["customer"] == {"city": "Peoria"}
    stale = program.do("updateCustomer", "customer { city }", id=customer, version=version, city="Joliet")
    assert [error["code"] for error in stale["errors"]] == ["CONFLICT"]
    program.done("archiveCustomer", "customer { id }", id=customer)
    assert program.done("restoreCustomer", "customer { status }", id=customer)["customer"] == {
        "status": "ACTIVE"
    }


def add_card(program: Program, customer: str) -> str:
    """The payer types the card on the gateway's page, as a browser without scripts does."""
    setup = program.done(
        "createPaymentMethodSetup", "setup { id pageUrl }", customerId=customer, returnUrl=f"{SHOP}/back"
    )["setup"]
    asked = "paymentMethod { id last4 }"
    assert program.done("finishPaymentMethodSetup", asked, setupId=setup["id"])["paymentMethod"] is None
    typed = httpx2.post(setup["pageUrl"], data={"number": "4242424242424242", **CARD}, trust_env=False)
    assert typed.status_code == 303, typed.text
    assert typed.headers["location"] == f"{SHOP}/back?setup={setup['id']}"
    found = program.done("finishPaymentMethodSetup", asked, setupId=setup["id"])["paymentMethod"]
    assert found["last4"] == "4242"
    return str(found["id"])


def test_a_program_does_the_main_job(product: Product, cast: Cast) -> None:
    program = Program(product, cast.keys["northwind"])
    viewer = program.ask("{ viewer { kind partner { name } customer { id } } }")["viewer"]
    assert viewer == {"kind": "API_KEY", "partner": {"name": "Northwind"}, "customer": None}
    customer = add_customer(program, product)
    manage(program, product, customer)

    made = program.done(
        "createInvoice", "invoice { id number status total { amount } }", customerId=customer, lines=LINES
    )["invoice"]
    assert (made["number"], made["status"], made["total"]) == (None, "DRAFT", {"amount": "671.18"})
    sent = program.done("sendInvoice", "invoice { number status }", id=made["id"])["invoice"]
    assert sent["status"] == "OPEN"
    assert sent["number"]

    assert (
        Program(product, cast.keys["northwind"], origin=SHOP).send("{ viewer { kind } }").status_code == 403
    )
    token = program.done("createPortalSession", "token expiresAt", customerId=customer, origins=[SHOP])[
        "token"
    ]
    browser = Program(product, token, origin=SHOP)
    assert browser.ask("{ invoices { nodes { number } } }")["invoices"]["nodes"] == [
        {"number": sent["number"]}
    ]
    card = add_card(browser, customer)
    amount = {"amount": "671.18", "currency": "USD"}
    order = {
        "customerId": customer,
        "paymentMethodId": card,
        "expectedTotal": amount,
        "allocations": [{"invoiceId": made["id"], "amount": amount}],
        "idempotencyKey": "pay-soylent",
    }
    paid = browser.done("payInvoices", "payment { id status amount { amount } }", **order)
    assert paid["payment"]["status"] == "SUCCEEDED"
    assert browser.done("payInvoices", "payment { id status amount { amount } }", **order) == paid

    asked = "query($id: ID!) { node(id: $id) { ... on Invoice { status balance { amount } } } }"
    assert program.ask(asked, id=made["id"])["node"] == {"status": "PAID", "balance": {"amount": "0.00"}}
    payments = program.ask("{ payments(first: 5) { nodes { id amount { amount } } } }")["payments"]["nodes"]
    assert [Decimal(payment["amount"]["amount"]) for payment in payments] == [Decimal("671.18")]
    assert (
        browser.send("{ customers { nodes { id } } }").json()["errors"][0]["extensions"]["code"]
        == "FORBIDDEN"
    )
