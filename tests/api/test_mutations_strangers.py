"""Mutations and other people's ids: the answer for them is, to the byte, the one for an id nobody has (A-1).

The cells are made from the table of mutations, so that a new one joins by itself.
"""

import re
from typing import Any

import pytest

from api.schema import GRAPHQL, changes
from tests.api.mutations import SAMPLES, other_ids
from tests.api.writing import ANN, LINES, Things, Writer
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
_LEFT = re.compile(rb'"left":[0-9]+')


def test_every_mutation_is_in_the_table() -> None:
    assert {sample.name for sample in SAMPLES} == changes().keys()


def test_every_place_for_an_id_is_in_the_table() -> None:
    for sample in SAMPLES:
        taken = {
            "".join(f".{step}" for step in path.split(".") if not step.isdigit()) for path in sample.records
        }
        kind: Any = GRAPHQL.get_type(f"{sample.name[0].upper()}{sample.name[1:]}Input")
        assert taken - {".setupId"} == set(_places(kind)), sample.name


def _places(kind: Any, before: str = "") -> list[str]:
    found = []
    for name, field in kind.fields.items():
        named = GRAPHQL.get_type(str(field.type).strip("[]!"))
        if named.name == "ID":
            found.append(f"{before}.{name}")
        elif hasattr(named, "fields"):
            found += _places(named, f"{before}.{name}")
    return found


async def tried(writer: Writer, own: Things, others: list[Things], **who: Any) -> tuple[int, int]:
    """Every mutation with every other id at every place. How many cells, and how many were NOT_FOUND."""
    cells = missing = 0
    for sample in SAMPLES:
        for path in sample.records:
            answers = set()
            for other in other_ids(sample, path, own, others):
                given = sample.with_record(own, path, other)
                answer = await writer.send(sample.name, given, **who)
                # What is left of the key's points falls with each answer, whatever was asked for.
                answers.add((answer.status, _LEFT.sub(b"", answer.body)))
                cells += 1
            assert len(answers) == 1, (sample.name, path, answers)
            missing += b'"NOT_FOUND"' in answers.pop()[1]
    return cells, missing


PLACES = sum(len(sample.records) for sample in SAMPLES)


async def test_a_key_finds_no_other_partners_records(writer: Writer, acme: Things, initech: Things) -> None:
    with nothing_changes(writer.client.owner):
        cells, missing = await tried(writer, acme, [initech])
    assert (missing, cells > 450) == (PLACES, True)


async def test_another_partners_admin_finds_nothing(
    writer: Writer, acme: Things, globex: Things, initech: Things
) -> None:
    mallory = writer.at("mallory")
    with nothing_changes(writer.client.owner):
        cells, missing = await tried(writer, initech, [acme, globex], **mallory)
    # Portal sessions are for keys, and are refused to people before anything is looked at.
    assert (missing, cells > 450) == (PLACES - 1, True)


@pytest.mark.parametrize("who", ["carl", "petra", "vera", "browser"])
async def test_customers_find_nothing_of_a_sibling(
    writer: Writer, acme: Things, globex: Things, initech: Things, who: str
) -> None:
    asks = writer.browser("acme") if who == "browser" else writer.at(who)
    own = Things({**acme.ids, "tag": acme["own_tag"], "other_tag": acme["other_own_tag"]})
    others = [
        globex,
        initech,
        Things({**globex.ids, "tag": globex["own_tag"], "other_tag": globex["other_own_tag"]}),
        Things({**own.ids, "tag": acme["tag"], "other_tag": acme["other_tag"]}),
    ]
    with nothing_changes(writer.client.owner):
        _, missing = await tried(writer, own, others, **asks)
    assert missing == {"carl": 32, "petra": 24, "vera": 2, "browser": 24}[who]


async def test_drafts_are_not_there_for_customers(writer: Writer, acme: Things) -> None:
    carl = writer.at("carl")
    given = {"tagIds": [acme["own_tag"]], "invoiceIds": [acme["draft"]]}
    with nothing_changes(writer.client.owner):
        assert await writer.refused("tagInvoices", given, **carl) == [("NOT_FOUND", "input")]


async def test_absent_stays_absent_whatever_else_is_wrong(writer: Writer, initech: Things) -> None:
    """Wrong fields beside an id tell no more about the id than right ones do."""
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("updateCustomer", {"postalCode": "x", "version": 9}, "id"),
        ("finishCustomerSetup", {"users": []}, "id"),
        ("inviteUser", {**ANN, "email": "nobody"}, "customerId"),
        ("createInvoice", {"lines": [{**LINES[0], "quantity": "-1"}]}, "customerId"),
        ("updateInvoice", {"dueOn": "1999-01-01"}, "id"),
        ("updateTag", {"name": ""}, "id"),
        ("updateCustomerView", {"name": "", "version": 9}, "id"),
        ("createPortalSession", {"origins": ["nowhere"]}, "customerId"),
        ("createPaymentMethodSetup", {"returnUrl": "javascript:alert(1)"}, "customerId"),
    ]
    for name, given, field in wrong:
        sample = next(sample for sample in SAMPLES if sample.name == name)
        known = sample.given(initech)[field]
        prefix = known.partition("_")[0]
        answers = {
            (await writer.send(name, {**given, field: other})).body
            for other in (f"{prefix}_{'0' * 32}", known, "nonsense")
        }
        assert len(answers) == 1, (name, answers)
