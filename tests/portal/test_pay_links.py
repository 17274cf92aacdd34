"""Pay links on the pages: made and revoked in the dashboard, opened by anybody who has one."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from billing import pay_links
from db import ids
from db.session import Database
from tests.billing.acting import Acts, invoice_of
from tests.cast import Cast
from tests.papers import words
from tests.portal.conftest import Clock, Person, text_of
from tests.world import nothing_changes

Arrive = Callable[[str], Person]


@pytest.fixture
def invoice_id(owner: Connection, cast: Cast) -> UUID:
    """An open invoice of Acme's."""
    return invoice_of(owner, cast, "acme")


@pytest.fixture
def path(database: Database, owner: Connection, cast: Cast, clock: Clock, invoice_id: UUID) -> str:
    """Where a link to it leads."""
    acts = Acts(database, owner, clock.now)
    return pay_links.path_of(acts(cast.ada, pay_links.create, invoice_id=invoice_id).token)


def test_ada_makes_a_link_which_is_shown_once_and_revokes_it(
    signed_in: Arrive, pages: TestClient, invoice_id: UUID, owner: Connection
) -> None:
    ada, invoice = signed_in("ada"), f"/invoices/{ids.shown('inv', invoice_id)}"
    assert "None is live." in ada.get(invoice).text
    made = ada.post(f"{invoice}/pay-links")
    assert made.status_code == 200
    found = re.search(r'value="http://testserver(/pay/[\w-]{43})"', made.text)
    assert found is not None
    assert found[1] not in ada.get(invoice).text
    pages.cookies.clear()
    assert f"Invoice T-{invoice_id.hex}" in text_of(pages.get(found[1]))
    page = ada.get(invoice).text
    assert "opened 1 time" in page
    revoke = re.search(r'href="/partner/northwind(/invoices/[^"]+/pay-links/pln_[0-9a-f]+/revoke)"', page)
    assert revoke is not None
    assert "opens nothing any more" in text_of(ada.get(revoke[1]))
    assert ada.post(revoke[1]).status_code == 303
    assert "None is live." in ada.get(invoice).text
    log = text_of(ada.get("/audit"))
    assert "revoked a pay link for invoice" in log
    assert "Somebody with a pay link opened invoice" in log
    pages.cookies.clear()
    assert pages.get(found[1]).status_code == 404


def test_a_page_needs_no_cookie_sets_none_and_tells_its_address_to_nobody(
    pages: TestClient, path: str, owner: Connection, invoice_id: UUID
) -> None:
    answer = pages.get(path)
    assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    assert answer.headers.get_list("referrer-policy") == ["no-referrer"]
    assert answer.headers["cache-control"] == "no-store"
    pdf = pages.get(f"{path}/invoice.pdf")
    assert (pdf.status_code, pdf.headers["content-type"]) == (200, "application/pdf")
    assert pdf.headers["referrer-policy"] == "no-referrer"
    assert f"T-{invoice_id.hex}" in words(pdf.content)
    assert "Échéance" in words(pages.get(f"{path}/invoice.pdf", headers={"accept-language": "fr"}).content)


def test_it_is_read_in_french_by_a_link(pages: TestClient, path: str) -> None:
    assert 'href="?language=fr"' in pages.get(path).text
    assert 'lang="fr"' in pages.get(f"{path}?language=fr").text
    assert "Reste à payer" in text_of(pages.get(f"{path}?language=fr"))


def test_expired_revoked_and_made_up_links_say_the_same(
    pages: TestClient, path: str, owner: Connection, clock: Clock
) -> None:
    made_up = pages.get("/pay/" + "A" * 43)
    with nothing_changes(owner):
        assert "This link no longer works" in text_of(made_up)
        assert made_up.status_code == 404
        assert pages.get("/pay/" + "A" * 43 + "/invoice.pdf").text == made_up.text
    owner.execute(text("update pay_link set revoked_at = now()"))
    assert pages.get(path).text == made_up.text
    assert pages.get(f"{path}/invoice.pdf").text == made_up.text
    owner.execute(text("update pay_link set revoked_at = null, expires_at = '2026-01-01'"))
    ended = pages.get(path)
    assert (ended.text, ended.headers.items()) == (made_up.text, made_up.headers.items())


def test_a_preview_by_the_partners_staff_is_no_view_and_another_partners_is_one(
    signed_in: Arrive, path: str, owner: Connection
) -> None:
    def opened() -> int:
        return int(owner.scalar(text("select opened_count from pay_link")) or 0)

    ada = signed_in("ada")
    ada.get()
    assert ada.client.get(path).status_code == 200
    assert opened() == 0
    mallory = signed_in("mallory")
    mallory.get()
    assert mallory.client.get(path).status_code == 200
    assert opened() == 1


def test_whoever_takes_only_the_pdf_has_opened_it_and_staff_have_not(
    pages: TestClient, signed_in: Arrive, path: str, owner: Connection
) -> None:
    pdf = f"{path}/invoice.pdf"
    ada = signed_in("ada")
    ada.get()
    with nothing_changes(owner):
        assert ada.client.get(pdf).status_code == 200
        assert pages.get(pdf, headers={"purpose": "prefetch"}).status_code == 200
        assert pages.head(pdf).status_code == 200
    assert pages.get(pdf).status_code == 200
    seen = text("select actor_kind from audit_event where action = 'invoice.viewed'")
    assert owner.scalars(seen).all() == ["GUEST"]
    assert owner.scalar(text("select last_opened_at is not null from pay_link")) is True
    # The page after it is the same visit.
    assert pages.get(path).status_code == 200
    assert owner.scalars(seen).all() == ["GUEST"]


def test_another_partner_and_a_customer_make_and_revoke_nothing(
    signed_in: Arrive, path: str, invoice_id: UUID, owner: Connection
) -> None:
    link_id = owner.scalar(text("select id from pay_link"))
    invoice = f"/invoices/{ids.shown('inv', invoice_id)}/pay-links"
    revoke = f"{invoice}/{ids.shown('pln', link_id)}/revoke"  # type: ignore[arg-type]
    mallory = signed_in("mallory")
    with nothing_changes(owner):
        assert mallory.post(invoice).status_code == 404
        assert mallory.get(revoke).status_code == 404
        assert mallory.post(revoke).status_code == 404
    rita = signed_in("rita")
    assert "Make a pay link" not in rita.get(invoice.removesuffix("/pay-links")).text
    with nothing_changes(owner):
        assert rita.post(invoice).status_code == 403


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("due_on = '2026-03-09', issue_on = '2026-03-01'", "Overdue"),
        ("total_minor = 2, paid_minor = 1", "Partially paid"),
    ],
)
def test_it_says_as_the_portal_does_how_the_invoice_stands(
    pages: TestClient, path: str, owner: Connection, change: str, said: str
) -> None:
    assert "Open" in text_of(pages.get(path))
    # Past the guard that keeps issued invoices as they are: a day goes by, or somebody pays.
    owner.execute(text("alter table invoice disable trigger issued_stays"))
    owner.execute(text(f"update invoice set {change} where status = 'OPEN'"))
    assert said in text_of(pages.get(path))


def test_a_link_that_is_over_is_not_listed_as_live(
    signed_in: Arrive, path: str, owner: Connection, invoice_id: UUID
) -> None:
    ada, invoice = signed_in("ada"), f"/invoices/{ids.shown('inv', invoice_id)}"
    assert "None is live." not in ada.get(invoice).text
    owner.execute(text("update pay_link set expires_at = '2026-03-01'"))
    assert "None is live." in ada.get(invoice).text


def test_a_page_that_breaks_writes_no_token_into_the_log(
    pages: TestClient, path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(pay_links, "open_link", breaks)
    assert pages.get(path).status_code == 500
    written = "".join(capsys.readouterr())
    assert "page failed" in written
    assert path.rpartition("/")[2] not in written.partition("Traceback")[0]
