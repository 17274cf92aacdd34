"""G-8, F-6: the audit log as a page and as a file."""

import csv
import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from auth import api_keys, audit
from auth.actors import Actor, system
from billing import access_requests, invoices, search, tags
from billing.invoice_fields import InvoiceInput, LineInput
from billing.tags import TagInput
from db import ids
from db.session import Database
from portal.partner.activity import WORDS
from portal.partner.audit import told_apart
from tests.api.writing import access_request
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.world import nothing_changes

LOG = "/audit"
WORK = InvoiceInput(lines=[LineInput(description="Work", quantity="1", unit_price="100.00")])
ROOT = Path(__file__).parents[3]
KINDS = "partner|customer|user|invoice|payment|payment_method|tag|api_key|portal_session|audit"


def record(database: Database, actor: Actor, at: datetime, action: str, **details: object) -> None:
    with database.transaction(partner_id=actor.partner_id) as db:
        audit.record(
            db, actor, action=action, subject_kind="tag", subject_id=None, now=at, **details
        )  # fmt: skip


def rows_of(page: str) -> list[str]:
    """The sentences of the log, in the order of the page."""
    found = re.findall(r'<th scope="row">(.*?)</th>', page, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", "", row)).split()) for row in found]


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
    shown = text_of(ada.get(LOG)).replace("\xa0", " ").replace(" (only what they did)", "")
    found = [shown.index(words) for words in (
        "Ada made the API key “=1+1” — Mar 10, 2026, 1:00 PM EDT", "Clem deleted a tag", "Clem changed a tag",
        "Ada created a tag — Mar 8, 2026, 1:00 PM EDT",
    )]  # fmt: skip
    assert found == sorted(found)


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("asked", "there", "gone"),
    [
        ("about=tag", ["created a tag"], ["made the API key"]),
        ("about=api_key", ["made the API key"], ["a tag"]),
        ("since=2026-03-10", ["made the API key", "deleted a tag"], ["changed a tag", "created a tag"]),
        ("until=2026-03-09", ["changed a tag", "created a tag"], ["deleted a tag", "made the API key"]),
        ("since=2026-03-09&until=2026-03-09", ["changed a tag"], ["deleted a tag", "created a tag"]),
        ("about=nonsense", ["made the API key", "created a tag"], []),
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


@pytest.fixture
def busy(database: Database, cast: Cast, now: datetime, log: None) -> None:
    """Beside the log: acts of a customer's user, of a key and of Remit itself."""
    record(database, cast.petra, now + timedelta(minutes=1), "tag.created")
    record(database, cast.gus, now + timedelta(minutes=2), "tag.updated")
    record(database, cast.northwind_key, now + timedelta(minutes=3), "tag.deleted")
    record(database, system(cast.ada.partner_id), now + timedelta(minutes=4), "payment.failed")
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        search.keep(
            db, partner_id=cast.ada.partner_id, customer_id=cast.customers["acme"], kind="customer",
            subject_id=cast.customers["acme"], texts=["Acme"],
        )  # fmt: skip


def asked_by(cast: Cast, asked: str) -> str:
    """An address with the ids of the cast put in."""
    known = {name: ids.shown("usr", actor.id) for name, actor in cast.actors.items() if actor.user_id}
    known |= {name: ids.shown("cus", id_) for name, id_ in cast.customers.items()}
    return asked.format(**known, key=ids.shown("key", cast.northwind_key.id))


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize(
    ("asked", "rows", "chip"),
    [
        ("who={ada}", ["Ada made the API key “=1+1”", "Ada created a tag"], "By: Ada"),
        ("who={petra}", ["Petra created a tag"], "By: Petra"),
        ("who={key}", ["all scopes deleted a tag"], "By: all scopes"),
        ("who=keys", ["all scopes deleted a tag"], "By: Any API key"),
        ("who=users", ["Gus changed a tag", "Petra created a tag"], "By: Any customer's user"),
        ("who=system", ["Remit noted that a payment failed"], "By: Remit itself"),
        ("who=users&customer={acme}", ["Petra created a tag"], "Customer: Acme"),
        ("customer=acm", ["Petra created a tag"], "Customer: Acme"),
        ("customer=GLOBEX", ["Gus changed a tag"], "Customer: Globex"),
        ("who={ada}&about=api_key", ["Ada made the API key “=1+1”"], "About: API keys"),
        ("who={ada}&until=2026-03-08", ["Ada created a tag"], "To 2026-03-08"),
        ("who={mallory}", [], "By: somebody"),
    ],
)
def test_the_log_is_narrowed_to_who_acted_and_to_a_customer(
    ada: Person, cast: Cast, asked: str, rows: list[str], chip: str
) -> None:
    answer = ada.get(f"{LOG}?{asked_by(cast, asked)}")
    assert answer.status_code == 200
    told = [row.replace(" (only what they did)", "") for row in rows_of(answer.text)]
    assert told == rows
    assert f"Remove the filter {chip}" in text_of(answer)


@pytest.mark.usefixtures("busy")
def test_a_chip_takes_one_filter_off_and_keeps_the_others(ada: Person, cast: Cast) -> None:
    text_ = unescape(ada.get(f"{LOG}?{asked_by(cast, 'who=users&customer={acme}')}").text)
    chips = re.findall(r'class="chip" href="([^"]*)"', text_)
    acme = ids.shown("cus", cast.customers["acme"])
    assert chips == [f"{ada.home}{LOG}?customer={acme}", f"{ada.home}{LOG}?who=users"]
    # A person in a row leads to what else they did, within what is asked.
    petra = asked_by(cast, "{petra}")
    assert f'href="{ada.home}{LOG}?who={petra}&customer={acme}"' in text_


@pytest.mark.parametrize(
    ("asked", "code"), [("nobody-of-this-name", "No customer of yours"), ("!?", "No customer of yours")]
)
def test_a_customer_that_is_none_is_told_at_its_field(ada: Person, asked: str, code: str) -> None:
    answer = ada.get(f"{LOG}?customer={asked}")
    assert answer.status_code == 422
    assert 'id="error-customer"' in answer.text
    assert code in text_of(answer)


def test_the_customer_of_another_partner_is_none_of_yours(ada: Person, cast: Cast) -> None:
    theirs = ada.get(f"{LOG}?{asked_by(cast, 'customer={initech}')}")
    nobodys = ada.get(f"{LOG}?customer=cus_{'f' * 32}")
    assert theirs.status_code == nobodys.status_code == 422
    own = ids.shown("cus", cast.customers["initech"])
    assert theirs.text.replace(own, "") == nobodys.text.replace(f"cus_{'f' * 32}", "")


@pytest.mark.usefixtures("busy")
def test_the_file_is_narrowed_as_the_page(ada: Person, cast: Cast) -> None:
    asked = dict(pair.split("=") for pair in asked_by(cast, "who={petra}&customer={acme}").split("&"))
    _, *rows = csv.reader(io.StringIO(ada.post(f"{LOG}/export", asked).text.removeprefix("\ufeff")))
    assert [(row[2], row[3], row[6]) for row in rows] == [("Petra", "tag.created", "Acme")]


@pytest.mark.usefixtures("busy")
def test_a_sub_admin_sees_no_keys_to_choose_from(signed_in: Callable[[str], Person], cast: Cast) -> None:
    key = asked_by(cast, 'value="{key}"')
    assert key in signed_in("ada").get(LOG).text
    answer = signed_in("sue").get(LOG)
    assert answer.status_code == 200
    assert key not in answer.text


def test_the_customers_activity_leads_to_its_part_of_the_log(ada: Person, cast: Cast) -> None:
    acme = ids.shown("cus", cast.customers["acme"])
    assert f'href="{ada.home}{LOG}?customer={acme}"' in ada.get(f"/customers/{acme}/activity").text


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


def test_a_line_says_what_it_was_done_to_and_leads_there(
    ada: Person, database: Database, cast: Cast, now: datetime
) -> None:
    acme = cast.customers["acme"]
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        late = tags.create(db, cast.ada, fields=TagInput(name="Late", colour="#1f6feb"), now=now)
        gone = tags.create(db, cast.ada, fields=TagInput(name="Gone", colour="#1f6feb"), now=now)
        tags.tag_customers(db, cast.ada, tag_ids=[late.id, gone.id], customer_ids=[acme], now=now)
        tags.delete(db, cast.ada, tag_id=gone.id, now=now)
        asked = access_request(db, cast.ada.partner_id, "nina", now)
        access_requests.deny(db, cast.ada, request_id=asked.id, now=now)
        invoice = invoices.create_draft(db, cast.ada, customer_id=acme, fields=WORK, now=now)
        tags.tag_invoices(db, cast.ada, tag_ids=[late.id], invoice_ids=[invoice.id], now=now)
        api_keys.create(db, cast.ada, name="Shop", scopes=["tags:read"], now=now)
    answer = ada.get(LOG)
    told = {row.replace(" (only what they did)", "").removeprefix("Ada ") for row in rows_of(answer.text)}
    assert told >= {
        "created the tag “Late”", "created the tag “Gone”", "deleted the tag “Gone”",
        "denied the request of nina for access", "tagged a draft invoice with “Late”",
        "made the API key “Shop”",
    }  # fmt: skip
    assert told & {
        "tagged the customer with “Late”, a deleted tag", "tagged the customer with a deleted tag, “Late”"
    }  # fmt: skip
    assert f'href="{ada.home}/tags/{ids.shown("tag", late.id)}/edit"' in answer.text
    # Whose it is, though the customer is not to read that row.
    shown = text_of(answer)
    for words in ("tagged a draft invoice with “Late”", "a deleted tag", "drafted an invoice"):
        assert re.search(rf"{words}[^—]{{0,20}} Acme Mar 10", shown.replace("\xa0", " ")), words
    assert ids.shown("tag", gone.id) not in answer.text


def test_a_customers_own_tag_is_named_to_nobody_else(
    ada: Person, database: Database, cast: Cast, now: datetime
) -> None:
    acme = cast.customers["acme"]
    with database.transaction(partner_id=cast.petra.partner_id, customer_id=acme) as db:
        tags.create(db, cast.petra, fields=TagInput(name="Theirs alone", colour="#1f6feb"), now=now)
    answer = ada.get(LOG)
    assert "Petra (only what they did) created a tag" in rows_of(answer.text)
    assert "Theirs alone" not in answer.text


def test_keys_of_one_name_are_told_apart_in_the_list_of_whom_to_ask_for() -> None:
    def key(end: str, name: str, made: str) -> dict[str, str]:
        return {"id": f"key_{end}", "name": name, "createdAt": f"2026-03-10T{made}:00.000000Z"}

    kept = [key("aaaa", "Shop", "17:00"), key("bbbb", "Shop", "18:30"), key("cccc", "Other", "17:00")]
    assert [text.replace("\u202f", " ").replace("\xa0", " ") for _, text in told_apart(kept, "UTC")] == [
        "Shop, made Mar 10, 2026, 5:00 PM UTC", "Shop, made Mar 10, 2026, 6:30 PM UTC", "Other"
    ]  # fmt: skip
    same = told_apart([kept[0], key("dddd", "Shop", "17:00")], "UTC")
    assert [text[-7:] for _, text in same] == [" (aaaa)", " (dddd)"]
