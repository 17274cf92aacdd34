"""The partner's settings over the API, and sessions that lack the second factor their partner asks for."""

import pytest
from sqlalchemy import text

from tests.api.client import Answered
from tests.api.writing import Writer
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
READ = """{ viewer { partner {
    name legalName address address2 city state postalCode country ein gstHstNumber qstNumber supportEmail
    supportPhone supportUrl timeZone locale accent logo staffNeedFactor usersNeedFactor version
} } }"""
GIVEN = {
    "name": "North Wind", "address": "1250 rue Guy", "city": "Montréal", "state": "QC",
    "postalCode": "h3h2t4", "country": "CA", "ein": "07-1234567", "gstHstNumber": "123456782 RT 0001",
    "qstNumber": "1234567890TQ0001", "supportPhone": "+1 514 555 0142", "supportUrl": "northwind.example",
    "timeZone": "America/Toronto", "locale": "fr", "accent": "#F5C400",
}  # fmt: skip


def require(writer: Writer, *, staff: bool = False, users: bool = False) -> None:
    writer.client.owner.execute(
        text(
            "update partner set staff_need_factor = :staff, users_need_factor = :users"
            " where slug = 'northwind'"
        ),
        {"staff": staff, "users": users},
    )


async def test_what_is_written_is_read_again(writer: Writer) -> None:
    given = {**GIVEN, "version": 1}
    made = await writer.do("updatePartner", given, "partner { name version } warnings { code path }")
    assert made["partner"] == {"name": "North Wind", "version": 2}
    assert made["warnings"] == [{"code": "EIN_PREFIX_NOT_ISSUED", "path": ["input", "ein"]}]
    said = (await writer.client.ask(READ, **writer.at("rita"))).data["viewer"]["partner"]
    assert said == {
        **GIVEN, "legalName": "Northwind Services LLC", "address2": None, "postalCode": "H3H 2T4",
        "ein": "071234567", "gstHstNumber": "123456782RT0001", "supportEmail": "support@northwind.example",
        "supportUrl": "https://northwind.example", "accent": "#f5c400", "logo": None,
        "staffNeedFactor": False, "usersNeedFactor": False, "version": 2,
    }  # fmt: skip
    cleared = await writer.do("updatePartner", {"ein": None, "accent": None}, "partner { ein accent }")
    assert cleared["partner"] == {"ein": None, "accent": None}


async def test_what_is_wrong_is_told_all_at_once(writer: Writer) -> None:
    wrong = {
        "name": "", "city": "Peoria", "gstHstNumber": "1", "qstNumber": "1", "supportPhone": "x",
        "supportUrl": "javascript:x", "accent": "red;}", "timeZone": None, "locale": "de",
    }  # fmt: skip
    with nothing_changes(writer.client.owner):
        assert sorted(await writer.refused("updatePartner", wrong)) == [
            ("BAD_COLOUR", "input.accent"), ("BAD_GST_HST_NUMBER", "input.gstHstNumber"),
            ("BAD_PHONE", "input.supportPhone"), ("BAD_QST_NUMBER", "input.qstNumber"),
            ("BAD_WEB_ADDRESS", "input.supportUrl"), ("REQUIRED", "input.address"),
            ("REQUIRED", "input.country"), ("REQUIRED", "input.name"), ("REQUIRED", "input.postalCode"),
            ("REQUIRED", "input.state"), ("REQUIRED", "input.timeZone"),
            ("UNKNOWN_LANGUAGE", "input.locale"),
        ]  # fmt: skip


async def test_a_stale_version_is_a_conflict(writer: Writer) -> None:
    await writer.do("updatePartner", {"name": "One", "version": 1})
    with nothing_changes(writer.client.owner):
        assert await writer.refused("updatePartner", {"name": "Two", "version": 1}) == [("CONFLICT", "input")]


async def test_the_policy_and_the_logo_cannot_be_written_here(writer: Writer) -> None:
    with nothing_changes(writer.client.owner):
        for name in ("staffNeedFactor", "usersNeedFactor", "logo", "slug", "nextInvoiceNumber"):
            assert (await writer.send("updatePartner", {name: True})).codes == ["INVALID_DOCUMENT"]


async def test_customers_read_the_contact_and_not_the_policy(writer: Writer) -> None:
    carl = writer.at("carl")
    said = await writer.client.ask("{ viewer { partner { supportEmail accent } } }", **carl)
    assert said.data["viewer"]["partner"] == {"supportEmail": "support@northwind.example", "accent": None}
    for name in ("staffNeedFactor", "usersNeedFactor", "version"):
        assert (await writer.client.ask(f"{{ viewer {{ partner {{ {name} }} }} }}", **carl)).status == 403


def is_shut(answer: Answered) -> bool:
    shut = (answer.status, answer.json.get("errors", [{}])[0].get("extensions")) == (
        403, {"code": "SECOND_FACTOR_REQUIRED"},
    )  # fmt: skip
    assert shut or answer.status == 200, answer.body
    assert not (shut and "data" in answer.json)
    return shut


@pytest.mark.parametrize(("name", "asked"), [("ada", {"staff": True}), ("carl", {"users": True})])
async def test_a_session_without_the_factor_reads_and_changes_nothing(
    writer: Writer, name: str, asked: dict[str, bool]
) -> None:
    who, tag = writer.at(name), {"name": "VIP", "colour": "#112233"}
    # Seen before: the answer planned for the remembered one must be dropped.
    assert not is_shut(await writer.client.ask("{ viewer { name } }", **who))
    require(writer, **asked)
    with nothing_changes(writer.client.owner):
        for document in ("{ viewer { name } }", "{ __schema { queryType { name } } }", "{ nonsense }"):
            assert is_shut(await writer.client.ask(document, **who))
        assert is_shut(await writer.send("createTag", tag, **who))
        assert is_shut(await writer.restarted().send("createTag", tag, **who))
    require(writer, **dict.fromkeys(asked, False))
    assert not is_shut(await writer.send("createTag", tag, **who))


async def test_the_other_side_keys_and_portal_tokens_stay_open(writer: Writer) -> None:
    require(writer, staff=True)
    assert not is_shut(await writer.client.ask("{ viewer { name } }", **writer.at("carl")))
    require(writer, staff=True, users=True)
    assert not is_shut(await writer.client.ask("{ viewer { name } }"))
    assert not is_shut(await writer.client.ask("{ viewer { name } }", **writer.browser("acme")))
    assert not is_shut(await writer.client.ask("{ viewer { name } }", **writer.at("ines")))
    assert not is_shut(await writer.client.ask("{ viewer { name } }", **writer.at("mallory")))
