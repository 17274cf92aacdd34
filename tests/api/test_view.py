"""The endpoint: who is let in, how a document is answered, and how the API says no."""

import pytest
from sqlalchemy import text

from api import view
from api.plan import document
from auth.tokens import digest_of
from tests.api.conftest import COOKIE, ORIGIN, Client

pytestmark = pytest.mark.anyio
CUSTOMERS = "{ customers { nodes { company } } }"


async def test_a_key_reads_its_partners_customers_and_no_others(client: Client) -> None:
    answer = await client.ask(CUSTOMERS)
    assert answer.data == {"customers": {"nodes": [{"company": "Acme"}, {"company": "Globex"}]}}
    assert answer.json["extensions"] == {"cost": {"requested": 27, "limit": 5000, "left": 10**9 - 27}}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    other = await client.ask(CUSTOMERS, key=client.cast.keys["contoso"])
    assert other.data == {"customers": {"nodes": [{"company": "Initech"}]}}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer remit_nobody_" + "x" * 40},
        {"authorization": "Bearer hello"},
        {"authorization": "Basic cmVtaXQ6cmVtaXQ="},
        {"cookie": f"{COOKIE}=some"},
    ],
)
async def test_a_stranger_is_refused_before_anything_is_parsed(
    client: Client, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    monkeypatch.setattr(document, "parse_document", read.append)
    monkeypatch.setattr(view.gate, "parse", read.append)
    answer = await client.post("/graphql", b'{"query":"{viewer{name}}"}', headers)
    assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])
    assert answer.headers["www-authenticate"] == "Bearer"
    assert read == []


async def test_a_session_reads_at_its_own_place_only(client: Client) -> None:
    ada = client.sign_in("ada")
    said = await client.ask("{viewer{name email role kind}}", session=ada, at="/partner/northwind/graphql")
    viewer = {"name": "Ada", "email": "ada@northwind.example", "role": "ADMIN", "kind": "STAFF"}
    assert said.data == {"viewer": viewer}
    for place in ("/partner/contoso/graphql", "/partner/nowhere/graphql", "/portal/acme-1a2b3c/graphql"):
        refused = await client.ask(CUSTOMERS, session=ada, at=place)
        assert (refused.status, refused.codes) == (404, ["NOT_FOUND"])


async def test_a_customers_user_sees_the_own_company_only(client: Client) -> None:
    petra = client.sign_in("petra")
    at = f"/portal/{client.cast.slugs['acme']}/graphql"
    said = await client.ask("{viewer{customer{company users{nodes{name}}}}}", session=petra, at=at)
    users = [{"name": "Carl"}, {"name": "Petra"}, {"name": "Vera"}]
    assert said.data == {"viewer": {"customer": {"company": "Acme", "users": {"nodes": users}}}}
    refused = await client.ask(CUSTOMERS, session=petra, at=at)
    assert (refused.status, refused.codes) == (403, ["FORBIDDEN"])
    for name in ("acme", "globex", "initech"):
        id_ = f"cus_{client.cast.customers[name].hex}"
        seen = await client.ask(
            "query($id:ID!){customer(id:$id){company}}", {"id": id_}, session=petra, at=at
        )
        assert seen.data == {"customer": {"company": "Acme"} if name == "acme" else None}


async def test_every_cookie_request_passes_the_check_with_its_session(client: Client) -> None:
    ada = client.sign_in("ada")
    await client.ask(CUSTOMERS, session=ada, at="/partner/northwind/graphql")
    found = client.owner.execute(text("select id from session")).scalar_one()
    assert client.checked == [str(found)]
    client.forged = True
    refused = await client.ask(CUSTOMERS, session=ada, at="/partner/northwind/graphql")
    assert (refused.status, refused.codes) == (403, ["FORBIDDEN"])


async def test_two_credentials_at_once_are_refused(client: Client) -> None:
    ada = client.sign_in("ada")
    key = {"authorization": f"Bearer {client.cast.keys['northwind']}"}
    for at in ("/graphql", "/partner/northwind/graphql"):
        refused = await client.ask(CUSTOMERS, session=ada, at=at, headers=key)
        assert (refused.status, refused.codes) == (400, ["TWO_CREDENTIALS"])


async def test_a_key_from_a_browser_is_refused_and_told_why(client: Client) -> None:
    for _ in range(2):  # at first sight, and remembered
        refused = await client.ask(CUSTOMERS, headers={"origin": ORIGIN})
        assert (refused.status, refused.codes) == (403, ["KEY_IN_BROWSER"])
        assert refused.headers["access-control-allow-origin"] == ORIGIN
    assert (await client.ask(CUSTOMERS)).status == 200


async def test_a_portal_token_is_good_from_its_origins_only(client: Client) -> None:
    token = client.portal_token("acme", [ORIGIN])
    said = await client.ask("{viewer{kind customer{company}}}", key=token, headers={"origin": ORIGIN})
    assert said.data == {"viewer": {"kind": "PORTAL_TOKEN", "customer": {"company": "Acme"}}}
    assert said.headers["access-control-allow-origin"] == ORIGIN
    for headers in ({}, {"origin": "https://elsewhere.example"}, {"origin": "null"}):
        refused = await client.ask(CUSTOMERS, key=token, headers=headers)
        assert (refused.status, refused.codes) == (403, ["WRONG_ORIGIN"])


async def test_a_browser_may_ask_first_what_it_may_send(client: Client) -> None:
    asked = {"origin": ORIGIN, "access-control-request-method": "POST"}
    answer = await client.post("/graphql", b"", asked, method="OPTIONS")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-headers"] == "authorization, content-type"
    assert "access-control-allow-credentials" not in answer.headers
    at_a_place = await client.post("/partner/northwind/graphql", b"", asked, method="OPTIONS")
    assert at_a_place.status == 401


async def test_a_revoked_key_is_dead_at_the_next_request(client: Client) -> None:
    assert (await client.ask(CUSTOMERS)).status == 200
    client.owner.execute(text("update api_key set revoked_at = now()"))
    for query in (
        CUSTOMERS,
        "{__schema{types{name}}}",
        "{nonsense}",
        "{",
        '{customers(after:"x"){totalCount}}',
    ):
        refused = await client.ask(query)
        assert (refused.status, refused.codes) == (401, ["UNAUTHENTICATED"]), query


async def test_a_lost_scope_is_felt_at_the_next_request_and_a_new_one_too(client: Client) -> None:
    assert (await client.ask(CUSTOMERS)).status == 200
    hash_ = {"hash": digest_of(client.cast.keys["northwind"])}
    client.owner.execute(
        text("update api_key set scopes = '{invoices:read}' where token_hash = :hash"), hash_
    )
    refused = await client.ask(CUSTOMERS)
    assert (refused.status, refused.codes) == (403, ["FORBIDDEN"])
    assert refused.json["errors"][0]["extensions"]["scope"] == "customers:read"
    client.owner.execute(
        text("update api_key set scopes = '{customers:read}' where token_hash = :hash"), hash_
    )
    assert (await client.ask(CUSTOMERS)).status == 200


async def test_a_removed_member_is_out_at_the_next_request(client: Client) -> None:
    clem = client.sign_in("clem")
    at = "/partner/northwind/graphql"
    assert (await client.ask(CUSTOMERS, session=clem, at=at)).status == 200
    client.owner.execute(
        text("update membership set status = 'REMOVED', removed_at = now() where id = :id"),
        {"id": client.cast.clem.id},
    )
    assert (await client.ask(CUSTOMERS, session=clem, at=at)).status == 404


async def test_another_role_is_felt_at_the_next_request(client: Client) -> None:
    ada = client.sign_in("ada")
    at, audit = "/partner/northwind/graphql", "{viewer{partner{auditEvents{totalCount}}}}"
    assert (await client.ask(audit, session=ada, at=at)).status == 200
    for role, status in (("MEMBER", 403), ("SUB_ADMIN", 200)):
        change = text("update membership set role = :role where id = :id")
        client.owner.execute(change, {"role": role, "id": client.cast.ada.id})
        assert (await client.ask(audit, session=ada, at=at)).status == status


async def test_what_does_not_fit_the_schema_is_refused_without_guesses(client: Client) -> None:
    for query, variables in (
        ("{customer}", {}),
        ("{custmers{nodes{id}}}", {}),
        ("query($f:Int){customers(first:$f){totalCount}}", {"f": "4242 4242 4242 4242"}),
        ("{customers(orderBy:COMPANY){totalCount}}", {}),
    ):
        refused = await client.ask(query, variables)
        assert (refused.status, set(refused.codes)) == (400, {"INVALID_DOCUMENT"})
        assert b"id you mean" not in refused.body
        assert b"4242" not in refused.body


async def test_the_schema_can_be_asked_for_but_not_beside_records(client: Client) -> None:
    said = await client.ask('{__type(name:"Money"){name fields{name}} __typename}')
    fields = [{"name": "amount"}, {"name": "currency"}]
    assert said.data == {"__type": {"name": "Money", "fields": fields}, "__typename": "Query"}
    mixed = await client.ask("{__typename viewer{name} ...F} fragment F on Query{__schema{types{name}}}")
    assert (mixed.status, mixed.codes) == (400, ["INTROSPECTION_MIXED"])


async def test_only_post_is_taken(client: Client) -> None:
    key = {"authorization": f"Bearer {client.cast.keys['northwind']}"}
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        assert (await client.post("/graphql", b"", key, method=method)).status == 405


async def test_a_bug_tells_nothing_but_an_id(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("select secret from api_key at /srv/remit/api.py")

    monkeypatch.setattr(document.Document, "plan", broken)
    answer = await client.ask(CUSTOMERS)
    assert (answer.status, answer.codes) == (500, ["INTERNAL"])
    assert len(answer.json["errors"][0]["extensions"]["correlationId"]) == 12
    for word in (b"secret", b"srv", b"Runtime", b"select"):
        assert word not in answer.body


async def test_a_failing_statement_tells_nothing_either(client: Client) -> None:
    client.owner.execute(text("alter table customer rename column city to town"))
    answer = await client.ask("{customers{nodes{city}}}")
    assert (answer.status, answer.codes) == (500, ["INTERNAL"])
    assert b"town" not in answer.body
    assert b"column" not in answer.body
    assert (await client.ask(CUSTOMERS)).status == 200
