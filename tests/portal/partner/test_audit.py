"""G-8, F-6: the audit log as a page and as a file."""

import csv
import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from auth import audit
from auth.actors import Actor
from db.session import Database
from portal.partner.activity import WORDS
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.world import nothing_changes

LOG = "/audit"
ROOT = Path(__file__).parents[3]
KINDS = "partner|customer|user|invoice|payment|payment_method|tag|api_key|portal_session|audit"


def record(database: Database, actor: Actor, at: datetime, action: str, **details: object) -> None:
    with database.transaction(partner_id=actor.partner_id) as db:
        audit.record(
            db, actor, action=action, subject_kind="tag", subject_id=None, now=at, **details
        )  # fmt: skip


@pytest.fixture
def log(database: Database, cast: Cast, now: datetime) -> None:
    """Something on three days, some of it near midnight in New York."""
    record(database, cast.ada, now - timedelta(days=2), "tag.created")
    # 23:59:59 and 00:00 of March 9 and 10, in the partner's zone (UTC-4 since March 8).
    record(database, cast.clem, now.replace(hour=3, minute=59, second=59), "tag.updated")
    record(database, cast.clem, now.replace(hour=4), "tag.deleted")
    record(database, cast.ada, now, "api_key.created", name="=1+1")


@pytest.mark.usefixtures("log")
def test_the_log_tells_who_did_what(ada: Person) -> None:
    shown = text_of(ada.get(LOG)).replace("\xa0", " ")
    found = [shown.index(words) for words in (
        "Ada made an API key — Mar 10, 2026, 1:00 PM EDT", "Clem deleted a tag", "Clem changed a tag",
        "Ada created a tag — Mar 8, 2026, 1:00 PM EDT",
    )]  # fmt: skip
    assert found == sorted(found)


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("asked", "there", "gone"),
    [
        ("about=tag", ["created a tag"], ["made an API key"]),
        ("about=api_key", ["made an API key"], ["a tag"]),
        ("since=2026-03-10", ["made an API key", "deleted a tag"], ["changed a tag", "created a tag"]),
        ("until=2026-03-09", ["changed a tag", "created a tag"], ["deleted a tag", "made an API key"]),
        ("since=2026-03-09&until=2026-03-09", ["changed a tag"], ["deleted a tag", "created a tag"]),
        ("about=nonsense", ["made an API key", "created a tag"], []),
        ("about=payment", ["Nothing of the kind"], ["a tag"]),
    ],
)
def test_the_log_is_narrowed(ada: Person, asked: str, there: list[str], gone: list[str]) -> None:
    answer = ada.get(f"{LOG}?{asked}")
    shown = text_of(answer)
    assert answer.status_code == 200
    for words in there:
        assert words in shown, words
    for words in gone:
        assert words not in shown, words


@pytest.mark.parametrize(
    ("asked", "field"), [("since=yesterday", "since"), ("since=2026-03-09&until=2026-03-01", "until")]
)
def test_a_day_that_is_none_is_told_at_its_field(ada: Person, asked: str, field: str) -> None:
    answer = ada.get(f"{LOG}?{asked}")
    assert answer.status_code == 422
    assert f'id="error-{field}"' in answer.text


@pytest.mark.usefixtures("log")
def test_the_file_holds_what_the_page_shows_and_runs_nothing(
    ada: Person, owner: Connection, database: Database, cast: Cast, now: datetime
) -> None:
    for place in range(230):  # more than two parts
        record(database, cast.ada, now - timedelta(days=1, seconds=place), "tag.updated", text="-2+3")
    answer = ada.post(f"{LOG}/export", {"about": "tag", "since": "2026-03-09"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="audit-2026-03-10.csv"'
    head, *rows = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert head[:4] == ["at", "actor kind", "actor", "action"]
    assert len(rows) == 232
    assert {row[3] for row in rows} == {"tag.updated", "tag.deleted"}
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)
    assert not [cell for row in rows for cell in row if re.match(r"[=+\-@\t\r]", cell)]
    noted = owner.execute(text("select actor_name, details from audit_event where action like 'audit.%'"))
    assert [tuple(row) for row in noted] == [("Ada", {"asked": ["about: tag", "since: 2026-03-09"]})]


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(("name", "status"), [("sue", 200), ("clem", 403), ("rita", 403)])
def test_who_may_read_the_log(
    signed_in: Callable[[str], Person], owner: Connection, name: str, status: int
) -> None:
    person = signed_in(name)
    assert person.get(LOG).status_code == status
    assert (f'href="{person.home}{LOG}"' in person.get("/customers").text) == (status == 200)
    if status == 403:
        with nothing_changes(owner):
            assert person.post(f"{LOG}/export", {}).status_code == 403


@pytest.mark.usefixtures("log")
def test_a_stranger_reads_nothing_of_it(mallory: Person) -> None:
    assert "Nothing happened yet" in text_of(mallory.get(LOG))
    assert mallory.post(f"{LOG}/export", {}).text.count("\r\n") == 2  # the head, and this export itself


def test_a_form_of_another_site_takes_nothing_out(ada: Person, owner: Connection) -> None:
    with nothing_changes(owner):
        assert ada.post(f"{LOG}/export", {}, forged=True).status_code == 403


def test_everything_that_is_written_down_has_words() -> None:
    written = set()
    for folder in ("auth", "billing", "integrations"):
        for path in (ROOT / folder).rglob("*.py"):
            written |= set(re.findall(rf'"((?:{KINDS})\.[a-z_]+)"', path.read_text()))
    columns = {name for name in written if name.partition(".")[2] in ("id", "partner_id", "customer_id")}
    assert len(written - columns) > 40
    assert written - columns - WORDS.keys() == set()
