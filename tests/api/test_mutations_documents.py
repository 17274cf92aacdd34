"""Documents with mutations: several in one, aliases, fragments, conditions, dry runs, and what goes wrong."""

from typing import Any

import pytest
from sqlalchemy import text

from api.changes import KEY
from api.schema import GRAPHQL, changes
from api.schema import list_sizes as sizes
from tests.api.mutations import SAMPLES
from tests.api.writing import ANN, COMPANY, Things, Writer
from tests.world import difference, nothing_changes, world

pytestmark = pytest.mark.anyio


def tag(name: str, alias: str = "", select: str = "tag { name } errors { code }") -> str:
    return f'{alias}createTag(input: {{name: "{name}", colour: "#112233"}}) {{ {select} }}'


async def names(writer: Writer) -> list[str]:
    said = await writer.client.ask("{ tags { nodes { name } } }")
    return [node["name"] for node in said.data["tags"]["nodes"]]


async def test_mutations_happen_one_after_the_other(writer: Writer, acme: Things) -> None:
    def update(alias: str, company: str) -> str:
        given = f'input: {{id: "{acme["customer"]}", company: "{company}"}}'
        return f"{alias}: updateCustomer({given}) {{ customer {{ company version }} }}"

    answer = await writer.client.ask("mutation { " + update("b", "One") + update("a", "Two") + " }")
    assert answer.body.startswith(
        b'{"data":{"b":{"customer":{"company":"One","version":2}},"a":{"customer":{"company":"Two","version":3}}}'
    )


async def test_a_refused_one_keeps_no_other_from_being_done(writer: Writer) -> None:
    answer = await writer.client.ask("mutation {" + tag("A", "a: ") + tag("a", "b: ") + tag("C", "c: ") + "}")
    assert answer.data == {
        "a": {"tag": {"name": "A"}, "errors": []},
        "b": {"tag": None, "errors": [{"code": "TAKEN"}]},
        "c": {"tag": {"name": "C"}, "errors": []},
    }
    assert "errors" not in answer.json
    assert await names(writer) == ["A", "C"]


async def test_a_forbidden_one_among_several_is_null_beside_an_error(writer: Writer, acme: Things) -> None:
    key = writer.key_without("invoices:void")
    void = f'b: voidInvoice(input: {{id: "{acme["invoice"]}"}}) {{ errors {{ code }} }}'
    answer = await writer.client.ask("mutation {" + tag("A", "a: ") + void + tag("C", "c: ") + "}", key=key)
    assert answer.data == {
        "a": {"tag": {"name": "A"}, "errors": []}, "b": None, "c": {"tag": {"name": "C"}, "errors": []},
    }  # fmt: skip
    (error,) = answer.json["errors"]
    assert error["path"] == ["b"]
    assert error["extensions"] == {"code": "FORBIDDEN", "scope": "invoices:void"}
    assert answer.json["extensions"]["cost"]["requested"] > 30


async def test_six_mutations_are_too_many(writer: Writer) -> None:
    with nothing_changes(writer.client.owner):
        answer = await writer.client.ask("mutation {" + "".join(tag(c, f"{c}: ") for c in "abcdef") + "}")
        assert (answer.status, answer.codes) == (400, ["TOO_MANY_MUTATIONS"])
    answer = await writer.client.ask("mutation {" + "".join(tag(c, f"{c}: ") for c in "abcde") + "}")
    assert [payload["tag"]["name"] for payload in answer.data.values()] == list("abcde")


async def test_inviting_stands_alone(writer: Writer, acme: Things) -> None:
    invite = f'inviteUser(input: {{customerId: "{acme["customer"]}", name: "Ann", email: "a@x.example"}})'
    with nothing_changes(writer.client.owner):
        answer = await writer.client.ask(f"mutation {{ {invite} {{ errors {{ code }} }} {tag('A')} }}")
        assert (answer.status, answer.codes) == (400, ["ONE_MUTATION"])


def test_the_mutations_that_stand_alone_are_paying_and_inviting() -> None:
    assert {name for name, change in changes().items() if change.alone} == {
        "payInvoices", "inviteUser", "approveAccessRequest",
    }  # fmt: skip


async def test_fragments_aliases_and_merged_fields(writer: Writer) -> None:
    document = """
        mutation Make($with: Boolean!, $without: Boolean!) {
          __typename
          kind: __typename
          ...Root
          createTag(input: {name: "A", colour: "#112233"}) { tag { ... on Node { key: id } } }
          skipped: createTag(input: {name: "B", colour: "#112233"}) @skip(if: $with) { tag { id } }
          left: createTag(input: {name: "C", colour: "#112233"}) @include(if: $without) { tag { id } }
        }
        fragment Root on Mutation {
          createTag(input: {name: "A", colour: "#112233"}) { ...Made errors { code } __typename }
        }
        fragment Made on CreateTagPayload { tag { ...Label shade: colour description @skip(if: $with) } }
        fragment Label on Tag { name ... @include(if: $without) { description } }
    """
    answer = await writer.client.ask(document, {"with": True, "without": False})
    made = answer.data["createTag"]
    assert list(answer.data) == ["__typename", "kind", "createTag"]
    assert (answer.data["__typename"], answer.data["kind"]) == ("Mutation", "Mutation")
    assert made.pop("tag").keys() == {"name", "shade", "key"}
    assert made == {"errors": [], "__typename": "CreateTagPayload"}
    assert await names(writer) == ["A"]


async def test_a_document_that_leaves_every_mutation_out_does_nothing(writer: Writer) -> None:
    with nothing_changes(writer.client.owner):
        answer = await writer.client.ask(
            'mutation($no: Boolean!) { createTag(input: {name: "A", colour: "#112233"}) @include(if: $no)'
            " { errors { code } } }",
            {"no": False},
        )
        assert answer.body.startswith(b'{"data":{},"extensions"')


async def test_inputs_of_literals_and_variables_mixed(writer: Writer) -> None:
    document = """
        mutation($name: String, $colour: String = "#445566", $none: String) {
          createTag(input: {name: $name, colour: $colour, description: $none}) {
            tag { name colour description }
          }
        }
    """
    said = await writer.client.ask(document, {"name": "A"})
    assert said.data["createTag"]["tag"] == {"name": "A", "colour": "#445566", "description": None}
    nulls = "mutation($id: ID) { deleteTag(input: {id: $id}) { errors { code } } }"
    refused = await writer.client.ask(nulls, {"id": None})
    assert refused.status == 400


async def test_a_bad_cursor_in_a_payload_is_refused_before_anything_is_done(writer: Writer) -> None:
    select = 'customer { users(after: "nonsense") { nodes { name } } }'
    with nothing_changes(writer.client.owner):
        answer = await writer.send("createCustomer", COMPANY, select)
        assert (answer.status, answer.codes) == (400, ["BAD_CURSOR"])
        answer = await writer.send(
            "createCustomer", COMPANY, "customer { users(first: 101) { nodes { name } } }"
        )
        assert (answer.status, answer.codes) == (400, ["PAGE_TOO_LARGE"])


# What happens at the gateway, what hands out a token and changes nothing, what moves a person's own mark, and
# the steps of an import, whose check is the dry run.
NOT_DRY = {
    "createPaymentMethodSetup", "finishPaymentMethodSetup", "createPortalSession",
    "markInvoiceThreadRead", "markInvoiceThreadUnread", "markAllInvoiceThreadsRead",
    "checkCustomerImport", "startCustomerImport", "cancelCustomerImport",
    "checkInvoiceImport", "startInvoiceImport", "cancelInvoiceImport",
}  # fmt: skip


def test_every_change_offers_a_dry_run_or_has_a_reason_not_to() -> None:
    offered = {
        name
        for name in changes()
        if "dryRun" in GRAPHQL.get_type(f"{name[0].upper()}{name[1:]}Input").fields  # type: ignore[union-attr]
    }
    assert set(changes()) - offered == NOT_DRY


async def test_a_dry_run_answers_as_if_and_changes_nothing(writer: Writer, acme: Things) -> None:
    for sample in SAMPLES:
        if sample.name not in NOT_DRY:
            given = {**sample.given(acme), "dryRun": True, "idempotencyKey": "dry"}
            with nothing_changes(writer.client.owner):
                await writer.do(sample.name, given)
    with nothing_changes(writer.client.owner):
        given = {**COMPANY, "users": [ANN], "dryRun": True}
        select = "customer { company status users { nodes { name } } } users { invite { status } }"
        said = await writer.do("createCustomer", given, select)
        assert said["customer"] == {
            "company": "Acme Rockets", "status": "ACTIVE", "users": {"nodes": [{"name": "Ann"}]},
        }  # fmt: skip
        assert said["users"] == [{"invite": {"status": "PENDING"}}]
        wrong = {"company": "X", "dryRun": True}
        assert ("REQUIRED", "input.city") in await writer.refused("createCustomer", wrong)
    key = {"name": "Real", "colour": "#112233", "idempotencyKey": "dry"}
    assert (await writer.do("createTag", {**key, "dryRun": False}, "tag { name }"))["tag"] == {"name": "Real"}


async def test_a_dry_run_of_a_pay_link_shows_no_path_that_leads_nowhere(writer: Writer, acme: Things) -> None:
    given = {"invoiceId": acme["invoice"]}
    with nothing_changes(writer.client.owner):
        tried = await writer.do("createPayLink", {**given, "dryRun": True}, "path payLink { revokedAt }")
    assert tried == {"path": None, "payLink": {"revokedAt": None}, "errors": []}
    assert (await writer.do("createPayLink", given, "path"))["path"].startswith("/")


FLAKY = """
    create sequence tries;
    create function flaky() returns trigger language plpgsql as $$
    begin
      if nextval('tries') <= {times} then
        raise exception 'secret detail' using errcode = '{code}';
      end if;
      return new;
    end $$;
    grant usage on sequence tries to remit_app;
    create trigger flaky before insert on tag for each row execute function flaky()
"""


@pytest.mark.parametrize("code", ["40001", "40P01", "55P03"])
@pytest.mark.parametrize(("times", "status"), [(2, 200), (3, 503)])
async def test_what_fails_for_the_moment_is_tried_three_times(
    writer: Writer, code: str, times: int, status: int
) -> None:
    writer.client.owner.execute(text(FLAKY.format(times=times, code=code)))
    before = world(writer.client.owner)
    answer = await writer.send("createTag", {"name": "A", "colour": "#112233", "idempotencyKey": "one"})
    assert answer.status == status
    changed = difference(before, world(writer.client.owner))
    assert sorted(changed) == (["audit_event", "stored_answer", "tag"] if status == 200 else [])
    if status == 503:
        assert (answer.codes, answer.headers["retry-after"]) == (["BUSY"], "5")


async def test_a_bug_is_masked_and_leaves_nothing(writer: Writer) -> None:
    writer.client.owner.execute(text(FLAKY.format(times=1, code="XX000")))
    with nothing_changes(writer.client.owner):
        answer = await writer.send("createTag", {"name": "A", "colour": "#112233", "idempotencyKey": "one"})
        assert (answer.status, answer.codes) == (500, ["INTERNAL"])
        assert b"secret" not in answer.body
    await writer.do("createTag", {"name": "A", "colour": "#112233", "idempotencyKey": "one"})


async def test_a_bug_among_several_is_masked_at_its_place(writer: Writer) -> None:
    writer.client.owner.execute(text(FLAKY.format(times=1, code="XX000")))
    answer = await writer.client.ask("mutation {" + tag("A", "a: ") + tag("B", "b: ") + "}")
    assert answer.data == {"a": None, "b": {"tag": {"name": "B"}, "errors": []}}
    (error,) = answer.json["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["a"], "INTERNAL")


def test_every_list_of_a_payload_states_its_maximum() -> None:
    for name in changes():
        kind: Any = GRAPHQL.get_type(f"{name[0].upper()}{name[1:]}Payload")
        for field, declared in kind.fields.items():
            if str(declared.type).startswith("["):
                assert sizes(kind.name, field) is not None, f"{kind.name}.{field}"
        assert str(kind.fields["errors"].type) == "[UserError!]!"


def test_every_mutation_takes_one_input_and_says_what_it_does() -> None:
    declared: Any = GRAPHQL.mutation_type
    for name, field in declared.fields.items():
        named = f"{name[0].upper()}{name[1:]}"
        assert str(field.args["input"].type) == f"{named}Input!"
        assert (list(field.args), str(field.type)) == (["input"], f"{named}Payload")
        assert field.description
        kind: Any = GRAPHQL.get_type(f"{named}Input")
        assert kind.description
        assert kind.fields["idempotencyKey"].description == KEY
