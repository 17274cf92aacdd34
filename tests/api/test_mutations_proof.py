"""D-4 at the API: what a page asks a fresh proof for, the mutation beside it does too, and before anything.

The rules ask (`Actor.require_proof`), so nothing lists the mutations but this test: a new one that comes to
such a rule turns it red until it is written down here.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from api.mutation import Entered
from api.schema import GRAPHQL, changes
from auth.proofs import PAGE, RECENT
from tests.api.mutations import SAMPLES
from tests.api.writing import ANN, Things, Writer
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
PORTAL = Path(__file__).parents[2] / "portal"
SECOND = timedelta(seconds=1)
# Who is asked at which mutation. Staff invite customers' users all day and are not (decision 0005).
CHANGING = {"updateUserRole", "disableUser", "enableUser", "removeUser"}
ASKED: dict[str, set[str]] = {
    "ada": CHANGING,
    "sue": CHANGING,
    "clem": CHANGING,
    "rita": set(),
    "carl": CHANGING | {"inviteUser", "resendInvite", "revokeInvite", "correctUser"},
    "petra": set(),
    "vera": set(),
}
# The pages of one's own account: no mutation changes a person's way in, so they ask for themselves.
OWN = {"email_change.py", "factors.py", "passkeys.py", "stepping_up.py"}


@pytest.fixture
def undone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Mutations are undone, so that each finds the world as it was (but for what asks the absent gateway)."""
    monkeypatch.setattr(Entered, "is_dry", property(lambda self: True))
    with capture_logs():
        yield


def proved(writer: Writer, ago: timedelta) -> None:
    """Everybody who is signed in gave the last password, code or passkey `ago`."""
    owner, at = writer.client.owner, writer.client.now - ago
    owner.execute(text("update session set stepped_up_at = :at"), {"at": at})


async def who_is_asked(writer: Writer, acme: Things, asks: dict[str, Any]) -> set[str]:
    """The mutations that ask for a proof."""
    found = set()
    for sample in SAMPLES:
        answer = await writer.send(sample.name, sample.given(acme), **asks)
        if "PROOF_REQUIRED" in [one["extensions"]["code"] for one in answer.json.get("errors", ())]:
            (error,) = answer.json["errors"]
            assert (answer.status, error["extensions"]) == (403, {"code": "PROOF_REQUIRED", "page": PAGE})
            assert "data" not in answer.json
            found.add(sample.name)
    return found


@pytest.mark.usefixtures("undone")
@pytest.mark.parametrize("who", ASKED)
async def test_every_mutation_asks_a_session_exactly_as_its_page_does(
    writer: Writer, acme: Things, who: str
) -> None:
    assert {sample.name for sample in SAMPLES} == set(changes())
    asks = writer.at(who)
    proved(writer, RECENT - SECOND)
    assert await who_is_asked(writer, acme, asks) == set()
    for stale in (RECENT, timedelta(hours=11)):
        proved(writer, stale)
        assert await who_is_asked(writer, acme, asks) == ASKED[who]


@pytest.mark.usefixtures("undone")
async def test_a_key_has_no_proof_and_is_bounded_by_its_scopes(writer: Writer, acme: Things) -> None:
    writer.client.now += timedelta(days=1)
    assert await who_is_asked(writer, acme, {}) == set()


@pytest.mark.parametrize("who", ["ada", "carl"])
async def test_nothing_is_done_before_the_proof_and_the_same_request_is_done_after_it(
    writer: Writer, acme: Things, who: str
) -> None:
    given = {"id": acme["invited"], "role": "VIEWER", "idempotencyKey": "once-1"}
    asks = writer.at(who)
    proved(writer, RECENT)
    with nothing_changes(writer.client.owner):
        for more in ({}, {"dryRun": True}):
            answer = await writer.send("updateUserRole", {**given, **more}, **asks)
            assert (answer.status, answer.codes) == (403, ["PROOF_REQUIRED"])
    proved(writer, timedelta(0))
    done = await writer.do("updateUserRole", given, "user { role }", **asks)
    assert done == {"user": {"role": "VIEWER"}, "errors": []}
    # What was done is told again without a proof: nothing is done any more.
    proved(writer, RECENT)
    with nothing_changes(writer.client.owner):
        assert await writer.do("updateUserRole", given, "user { role }", **asks) == done


async def test_one_that_asks_stops_nothing_else_of_its_document(writer: Writer, acme: Things) -> None:
    carl = writer.at("carl")
    proved(writer, RECENT)
    document = (
        "mutation($gone: RemoveUserInput!, $tag: CreateTagInput!) {"
        " gone: removeUser(input: $gone) { errors { code } }"
        " tag: createTag(input: $tag) { tag { name } } }"
    )
    given = {"gone": {"id": acme["invited"]}, "tag": {"name": "Late", "colour": "#AA0000"}}
    answer = await writer.client.ask(document, given, **carl)
    assert answer.data == {"gone": None, "tag": {"tag": {"name": "Late"}}}
    assert [(error["path"], error["extensions"]["code"]) for error in answer.json["errors"]] == [
        (["gone"], "PROOF_REQUIRED")
    ]


async def test_the_right_is_asked_for_before_the_proof(writer: Writer, acme: Things) -> None:
    petra = writer.at("petra")
    proved(writer, RECENT)
    with nothing_changes(writer.client.owner):
        answer = await writer.send("inviteUser", {"customerId": acme["customer"], **ANN}, **petra)
        assert (answer.status, answer.codes) == (403, ["FORBIDDEN"])


def test_the_schema_says_so_at_each_of_them() -> None:
    mutation = GRAPHQL.mutation_type
    assert mutation is not None
    told = {name for name, field in mutation.fields.items() if "PROOF_REQUIRED" in (field.description or "")}
    assert told == set().union(*ASKED.values())


def test_no_page_of_a_company_asks_by_itself() -> None:
    """If one did, the rule behind it would be done by a mutation that nobody made ask."""
    asking = {path.name for path in PORTAL.rglob("*.py") if "require_recent" in path.read_text()}
    assert asking == OWN
