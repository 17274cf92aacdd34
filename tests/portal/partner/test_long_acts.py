"""More than a request should wait for: left to the worker, watched, stopped, undone, and found again."""

import re
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
from httpx2 import Response
from sqlalchemy import Connection, text

from billing import tags
from billing.tags import TagInput
from db import ids
from db.session import Database
from integrations import acting
from portal.partner.invoice_archiving import WHATS
from tests.cast import Cast
from tests.portal.conftest import Person, customer_id, text_of
from tests.portal.partner.test_customer_chosen import hidden, statuses
from tests.portal.partner.test_customers import Does, add, does
from tests.portal.partner.test_invoice_archiving import archived, voided
from tests.portal.partner.test_invoice_list import Things, billed
from tests.portal.test_invoice_export import hidden as invoices_hidden
from tests.world import nothing_changes

__all__ = ["billed", "does", "voided"]
Work = Callable[[], None]
MATCHING = {"which": "matching", "narrowing": "search=client"}


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.in_parts.MOST_WAITED_FOR", 3)
    monkeypatch.setattr("billing.long_acts.MOST_AT_ONCE", 2)


@pytest.fixture
def work(database: Database, cast: Cast, owner: Connection, now: datetime) -> Work:
    """What the worker does with every act there is."""

    def run() -> None:
        owner.rollback()
        for id_ in list(owner.scalars(text("select id from long_act order by id"))):
            acting.carry_on(
                database, partner_id=cast.ada.partner_id, act_id=UUID(str(id_)), clock=lambda: now
            )

    return run


@pytest.fixture
def five(does: Does) -> list[UUID]:
    return [add(does, f"Client {number}", users=()) for number in range(5)]


def asked(person: Person, act: str, **given: str) -> str:
    """All that match: asked, confirmed, and the address that leads to."""
    page = person.post(f"/customers/chosen/{act}", MATCHING)
    assert "It goes on by itself, and you need not wait." in text_of(page)
    answer = person.post(f"/customers/chosen/{act}", {**hidden(page), **given})
    assert answer.status_code == 303
    return str(answer.headers["location"])


def polled(person: Person, path: str) -> Response:
    """As the page's script asks how far it is."""
    person.client.headers["hx-request"] = "true"
    answer = person.get(path)
    del person.client.headers["hx-request"]
    return answer


def all_shown(person: Person, narrowing: str) -> dict[str, str | list[str]]:
    """The form that asks for the tags of all invoices of a list."""
    found = re.search(r'name="count" value="(\d+)"', person.get(f"/invoices/tag?{narrowing}").text)
    assert found is not None
    return {"narrowing": narrowing, "count": found[1]}


def undo_in(page: Response) -> dict[str, str]:
    value = page.text.partition('name="archiving" value="')[2].partition('"')[0]
    return {"archiving": value}


def test_many_are_tagged_by_the_worker_while_the_list_tells(
    ada: Person, rita: Person, does: Does, five: list[UUID], work: Work, owner: Connection
) -> None:
    tag = does(tags.create, fields=TagInput(name="VIP", colour="#0b7285")).id  # type: ignore[attr-defined]
    does(tags.tag_customers, tag_ids=[tag], customer_ids=five[:1])
    here = asked(ada, "tag", tag=ids.shown("tag", tag))
    assert re.fullmatch(f"{ada.home}/customers/acts/act_[0-9a-f]{{32}}", here)
    page = ada.get(here)
    assert ("Tagging 5 customers" in text_of(page), "0 of 5 are through" in text_of(page)) == (True, True)
    assert '<noscript><meta http-equiv="refresh"' in page.text
    assert '<progress id="progress" max="5" value="0">' in page.text
    assert polled(ada, here).status_code == 200
    for person in (ada, rita):
        listed = person.get("/customers")
        assert "Tagging 5 customers: 0 are through …" in text_of(listed)
        assert f'href="{here}"' in listed.text
        assert "Tagging" not in text_of(person.get("/invoices"))
    assert owner.scalar(text("select count(*) from customer_tag")) == 1
    work()
    over = polled(ada, here)
    assert (over.status_code, over.headers["hx-refresh"]) == (204, "true")
    said = text_of(ada.get(here))
    assert "4 customers got the tag. 1 had it already." in said
    assert "Were changed 4 Were so already 1 Left out 0" in said
    assert "Undo" not in said
    assert "Tagging" not in text_of(ada.get("/customers"))
    log = ada.get("/audit?about=long_act")
    assert text_of(log).count("began: tagging 5 customers") == 1
    assert f'href="{here}"' in log.text


def test_as_many_as_one_waits_for_are_done_at_once(ada: Person, does: Does, owner: Connection) -> None:
    for number in range(3):
        add(does, f"Client {number}", users=())
    page = ada.post("/customers/chosen/archive", MATCHING)
    assert "It goes on by itself" not in text_of(page)
    assert ada.post("/customers/chosen/archive", hidden(page)).headers["location"].endswith("search=client")
    assert owner.scalar(text("select count(*) from long_act")) == 0


def test_archived_and_undone_in_parts(
    ada: Person, clem: Person, rita: Person, five: list[UUID], work: Work, owner: Connection
) -> None:
    here = asked(ada, "archive")
    assert set(statuses(owner).values()) == {"ACTIVE", "SETUP"}
    work()
    owner.rollback()
    assert sorted(statuses(owner).values()).count("ARCHIVED") == 5
    assert "Undo" not in text_of(rita.get(here))
    page = clem.get(here)
    assert "5 customers are archived." in text_of(page)
    there = clem.post("/customers/undo-archive", undo_in(page)).headers["location"]
    assert "Undoing the archiving of 5 customers" in text_of(clem.get(there))
    work()
    owner.rollback()
    assert set(statuses(owner).values()) == {"ACTIVE", "SETUP"}
    assert "5 customers are restored. Invites that were open have to be sent again." in text_of(
        clem.get(there)
    )
    # There is nothing left to undo.
    assert "Undo" not in text_of(ada.get(here)).replace("Undoing", "")
    with nothing_changes(owner):
        ada.post("/customers/undo-archive", undo_in(page))


def test_an_undo_that_was_stopped_is_gone_on_with(
    ada: Person, five: list[UUID], work: Work, owner: Connection
) -> None:
    here = asked(ada, "archive")
    work()
    there = ada.post("/customers/undo-archive", undo_in(ada.get(here))).headers["location"]
    assert "Undo the rest" not in text_of(ada.get(there))
    ada.post(f"{there}/stop")
    page = ada.get(there)
    assert "Undo the rest" in text_of(page)
    ada.post("/customers/undo-archive", undo_in(page))
    work()
    owner.rollback()
    assert "ARCHIVED" not in statuses(owner).values()
    assert "Undo the rest" not in text_of(ada.get(there))


def test_asking_how_far_it_is_takes_no_message_away(ada: Person, five: list[UUID], cast: Cast) -> None:
    here = asked(ada, "archive")
    ada.post(f"/customers/{customer_id(cast, 'acme')}/archive")
    polled(ada, here)
    assert "Acme is archived." in text_of(ada.get(here))


def test_few_of_many_that_are_left_to_undo_are_undone_at_once(
    ada: Person, five: list[UUID], work: Work, owner: Connection
) -> None:
    here = asked(ada, "archive")
    work()
    page = ada.get(here)
    for one in five[:3]:
        ada.post(f"/customers/{ids.shown('cus', one)}/restore")
    ada.get("/customers")
    assert ada.post("/customers/undo-archive", undo_in(page)).headers["location"] == f"{ada.home}/customers"
    assert "2 customers are restored." in text_of(ada.get("/customers"))


def test_stopped_it_says_how_many_had_no_turn(
    ada: Person, rita: Person, five: list[UUID], work: Work, owner: Connection
) -> None:
    here = asked(ada, "archive")
    assert 'action="' + here + '/stop"' not in rita.get(here).text
    with nothing_changes(owner):
        assert rita.post(f"{here}/stop").status_code == 403
        assert ada.post(f"{here}/stop", forged=True).status_code == 403
    assert 'action="' + here + '/stop"' in ada.get(here).text
    assert ada.post(f"{here}/stop").headers["location"] == here
    said = text_of(ada.get(here))
    assert "What was done stays done. 5 had no turn." in said
    work()
    owner.rollback()
    assert "ARCHIVED" not in statuses(owner).values()
    assert "stopped after 0 of 5: archiving 5 customers" in text_of(ada.get("/audit?about=long_act"))
    assert "are through" not in text_of(ada.get("/customers"))


def test_rights_that_are_taken_away_meanwhile_end_it(
    ada: Person, clem: Person, cast: Cast, five: list[UUID], work: Work, owner: Connection
) -> None:
    here = asked(clem, "archive")
    owner.execute(text("update membership set role = 'READ_ONLY' where id = :id"), {"id": cast.clem.id})
    owner.commit()
    work()
    assert "Whoever began this may not do it any more, so it stopped." in text_of(ada.get(here))
    assert "ARCHIVED" not in statuses(owner).values()


def test_it_is_found_at_its_own_address_by_the_partners_staff(
    ada: Person, mallory: Person, five: list[UUID], owner: Connection
) -> None:
    here = asked(ada, "archive")
    act_id = here.rpartition("/")[2]
    with nothing_changes(owner):
        for person, path in (
            (mallory, f"/customers/acts/{act_id}"), (ada, f"/invoices/acts/{act_id}"),
            (ada, f"/customers/acts/act_{'f' * 32}"), (ada, "/customers/acts/nonsense"),
        ):  # fmt: skip
            assert person.get(path).status_code == 404
            assert person.post(f"{path}/stop").status_code == 404


def test_invoices_are_archived_and_tagged_by_the_worker_too(
    ada: Person, voided: Things, does: Does, work: Work, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if they had been ended when they were looked up.
    monkeypatch.setitem(WHATS, "archive", WHATS["archive"]._replace(fits=lambda _: True))
    answer = ada.post("/invoices/archive", invoices_hidden(ada.get("/invoices/archive?search=acme")))
    here = answer.headers["location"]
    assert f'href="{here}"' in ada.get("/invoices").text
    work()
    page = ada.get(here)
    assert "2 invoices are archived." in text_of(page)
    assert "can’t be archived" in text_of(page).replace("'", "’")
    assert f"/invoices/{voided['three']}" in page.text
    assert archived(owner) == 2
    ada.post("/invoices/undo-archive", undo_in(page))
    assert archived(owner) == 0
    tag = does(tags.create, fields=TagInput(name="VIP", colour="#0b7285")).id  # type: ignore[attr-defined]
    given = {**all_shown(ada, "search=acme"), "tag_ids": ids.shown("tag", tag), "_pressed": "add"}
    with nothing_changes(owner):
        assert ada.post("/invoices/tag", {**given, "tag_ids": []}).status_code == 422
    here = ada.post("/invoices/tag", given).headers["location"]
    assert "/invoices/acts/act_" in here
    work()
    assert "invoices gained a tag." in text_of(ada.get(here))


def test_a_companys_own_list_is_done_at_once(
    signed_in: Callable[[str], Person], voided: Things, database: Database, cast: Cast, owner: Connection,
    now: datetime, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("portal.in_parts.MOST_WAITED_FOR", 0)
    carl = signed_in("carl")
    with database.transaction(partner_id=cast.carl.partner_id, customer_id=cast.carl.customer_id) as db:
        fields = TagInput(name="Ours", colour="#0b7285")
        tag = ids.shown("tag", tags.create(db, cast.carl, fields=fields, now=now).id)
    given = {**all_shown(carl, "status=all"), "tag_ids": tag, "_pressed": "add"}
    answer = carl.post("/invoices/tag", given)
    assert answer.headers["location"].startswith(f"{carl.home}/invoices")
    assert owner.scalar(text("select count(*) from long_act")) == 0
    assert owner.scalar(text("select count(*) from invoice_tag")) > 0


def test_a_customer_id_is_no_act(ada: Person, cast: Cast) -> None:
    assert ada.get(f"/customers/acts/{customer_id(cast, 'acme')}").status_code == 404
