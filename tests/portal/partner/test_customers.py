"""The list of customers, the tabs of one, and the home page."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from billing import customer_users, customers, invoice_sending, invoices, tags
from billing.customer_fields import CustomerInput, UserInput
from billing.invoice_fields import InvoiceInput, LineInput
from billing.tags import TagInput
from db import ids
from db.session import Database
from tests.cast import Cast
from tests.portal.conftest import Clock, Person, customer_id, text_of

NOBODY = f"cus_{'0' * 32}"
TABS = ("", "/users", "/invoices", "/payments", "/payment-methods", "/activity")
PAGES = (*TABS, "/edit", "/archive", "/users/new", "/finish-setup")
Does = Callable[..., object]


@pytest.fixture
def does(database: Database, cast: Cast, now: datetime) -> Does:
    """`does(rule, …)`: Ada does it, not through a page."""

    def act(rule: Callable[..., object], **what: object) -> object:
        with database.transaction(partner_id=cast.ada.partner_id) as db:
            return rule(db, cast.ada, now=now, **what)

    return act


def add(does: Does, company: str, *, users: tuple[str, ...] = ("Uma",), **more: str) -> UUID:
    fields = {
        "company": company, "address": "1 A Street", "city": "Peoria", "state": "IL", "postal_code": "61602",
        "country": "US", **more,
    }  # fmt: skip
    saved = does(
        customers.create,
        fields=CustomerInput(**fields),
        users=[UserInput(name=name, email=f"{name}@{company}.example".lower()) for name in users],
    )
    assert isinstance(saved, customers.Saved)
    return saved.customer.id


def listed(page: str) -> list[str]:
    """The companies on the list, in order."""
    return [row.split("</a>")[0].rsplit(">", 1)[1] for row in page.split('<th scope="row">')[1:]]


def bill(does: Does, customer: UUID, *, due: date) -> str:
    """An invoice of $120.00, sent; its number."""
    line = LineInput(description="Visit", quantity="1", unit_price="120.00")
    fields = InvoiceInput(issue_on=str(due - timedelta(days=30)), due_on=str(due), lines=[line])
    draft = does(invoices.create_draft, customer_id=customer, fields=fields)
    sent = does(invoice_sending.send, invoice_id=draft.id)  # type: ignore[attr-defined]
    return sent.number  # type: ignore[attr-defined, no-any-return]


def test_the_list_shows_only_the_own_customers(ada: Person) -> None:
    page = ada.get("/customers")
    assert page.status_code == 200
    assert listed(page.text) == ["Acme", "Globex"]
    assert "2 customers" in text_of(page)
    assert "Initech" not in page.text


def test_searching_finds_words_of_the_company_its_users_and_its_numbers(ada: Person, does: Does) -> None:
    add(does, "Bluebird", tax_id="12-3456789", external_id="CW-1881")
    add(does, "Harbor")
    for asked in ("blue", "uma@bluebird", "12-3456789", "123456789", "cw-1881", "BLUE uma"):
        assert listed(ada.get(f"/customers?search={asked}").text) == ["Bluebird"], asked
    nothing = ada.get("/customers?search=zzz")
    assert "No customer fits" in text_of(nothing)
    assert 'value="zzz"' in nothing.text


def test_the_list_is_filtered_by_status_and_tag_and_sorted(ada: Person, does: Does, cast: Cast) -> None:
    gone, fresh = add(does, "Bluebird"), add(does, "Zenith", users=())
    does(customers.archive, customer_id=gone)
    vip = does(tags.create, fields=TagInput(name="VIP", colour="#0b7285")).id  # type: ignore[attr-defined]
    does(tags.tag_customers, tag_ids=[vip], customer_ids=[cast.customers["acme"], fresh])
    bill(does, cast.customers["globex"], due=date(2026, 4, 1))
    tag = ids.shown("tag", vip)
    expected = {
        "": ["Acme", "Globex", "Zenith"],
        "?status=active": ["Acme", "Globex"],
        "?status=setup": ["Zenith"],
        "?status=archived": ["Bluebird"],
        "?status=all": ["Acme", "Bluebird", "Globex", "Zenith"],
        f"?tag={tag}": ["Acme", "Zenith"],
        f"?tag={tag}&status=active": ["Acme"],
        "?tag=tag_0": [],
        "?sort=company-desc": ["Zenith", "Globex", "Acme"],
        "?status=nonsense&sort=nonsense": ["Acme", "Globex", "Zenith"],
    }
    assert {asked: listed(ada.get(f"/customers{asked}").text) for asked in expected} == expected
    assert listed(ada.get("/customers?sort=balance").text)[0] == "Globex"
    assert f'value="{tag}" checked><span>VIP' in ada.get(f"/customers?tag={tag}").text


def test_the_tag_of_another_partner_finds_nothing(
    ada: Person, database: Database, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.mallory.partner_id) as db:
        theirs = tags.create(db, cast.mallory, fields=TagInput(name="Theirs", colour="#0b7285"), now=now)
        tags.tag_customers(
            db, cast.mallory, tag_ids=[theirs.id], customer_ids=[cast.customers["initech"]], now=now
        )
    page = ada.get(f"/customers?tag={ids.shown('tag', theirs.id)}")
    assert listed(page.text) == []
    assert "Theirs" not in page.text


def test_pages_of_the_list_go_on_and_back(ada: Person, does: Does) -> None:
    for number in range(60):
        add(does, f"Client {number:02d}", users=())
    names = ["Acme", *(f"Client {number:02d}" for number in range(60)), "Globex"]
    page, seen = ada.get("/customers?status=all&sort=company"), []
    assert "62 customers" in text_of(page)
    for expected in (names[:25], names[25:50], names[50:]):
        assert listed(page.text) == expected
        seen.append(page)
        beside = page.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        page = ada.get(beside) if beside else page
    assert "status=all" in str(seen[2].url)
    back = seen[2].text.partition('rel="prev" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert listed(ada.get(back).text) == names[25:50]
    assert ada.get("/customers?after=nonsense").status_code == 422


def test_a_new_partner_is_told_where_to_begin(ada: Person, owner: Connection) -> None:
    owner.execute(text("update membership set status = 'REMOVED' where customer_id is not null"))
    owner.execute(
        text("update customer set status = 'ARCHIVED', archived_at = created_at where partner_id is not null")
    )
    assert "No customers yet" in text_of(ada.get("/customers"))


def test_the_profile_shows_every_field(ada: Person, does: Does) -> None:
    made = add(
        does, "Bluebird", legal_name="Bluebird LLC", tax_id="123456789", address2="Suite 4", terms_days="45",
        time_zone="America/Chicago", external_id="CW-1",
    )  # fmt: skip
    shown = text_of(ada.get(f"/customers/{ids.shown('cus', made)}"))
    for line in (
        "Legal Name Bluebird LLC", "EIN 12-3456789", "Address line 2 Suite 4", "State/Province Illinois",
        "Country United States", "Currency USD", "Payment terms in days 45", "Time zone Central (Chicago)",
        "External id CW-1", "Added Mar 10, 2026, 1:00 PM EDT", "Balance $0.00",
    ):  # fmt: skip
        assert line in shown.replace("\xa0", " ")


def test_the_profile_of_a_canadian_company_says_what_applies_where_it_has_nothing_of_its_own(
    ada: Person, does: Does, cast: Cast
) -> None:
    made = add(
        does,
        "Érable",
        users=(),
        tax_id="123456782",
        city="Montréal",
        state="QC",
        postal_code="H2Y 1C6",
        country="CA",
    )
    shown = text_of(ada.get(f"/customers/{ids.shown('cus', made)}"))
    assert "Business Number 123456782" in shown
    assert "EIN" not in shown
    assert "Payment terms in days 30 (your default)" in shown
    assert "Time zone Eastern (New York) (your default)" in shown
    assert "Create invoice" not in shown  # it has no users yet
    acme = f"/customers/{customer_id(cast, 'acme')}"
    assert f'href="{ada.home}{acme}/invoices/new"' in ada.get(acme).text
    # The tab of the invoices has its own, at its head and in the empty list.
    assert ada.get(f"{acme}/invoices").text.count(f'href="{ada.home}{acme}/invoices/new"') == 2


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_says_which_one_it_is(ada: Person, cast: Cast, tab: str) -> None:
    address = f"{ada.home}/customers/{customer_id(cast, 'acme')}"
    page = ada.get(f"{address}{tab}")
    assert page.status_code == 200
    assert f'<a href="{address}{tab}" aria-current="page">' in page.text
    assert page.text.count("<h1>Acme</h1>") == 1


def test_the_invoices_tab_shows_this_customers_invoices(ada: Person, does: Does, cast: Cast) -> None:
    number = bill(does, cast.customers["acme"], due=date(2026, 3, 9))
    other = bill(does, cast.customers["globex"], due=date(2026, 3, 9))
    shown = text_of(ada.get(f"/customers/{customer_id(cast, 'acme')}/invoices"))
    assert f"{number} Overdue Feb 7, 2026 Mar 9, 2026 $120.00 $120.00" in shown
    assert other not in shown


def test_activity_tells_who_did_what(ada: Person, does: Does, cast: Cast, clock: Clock) -> None:
    acme = cast.customers["acme"]
    does(customers.update, customer_id=acme, fields=CustomerInput(company="Acme & Sons", legal_name="A"))
    does(customer_users.invite, customer_id=acme, name="Nora", email="nora@acme.example")
    bill(does, acme, due=date(2026, 4, 9))
    shown = text_of(ada.get(f"/customers/{customer_id(cast, 'acme')}/activity")).replace("\xa0", " ")
    when = "Ada Mar 10, 2026, 1:00 PM EDT"
    for line in (
        "Sent invoice NO-00001 ($120.00)",
        "Invited Nora as Payer",
        "to “Acme & Sons”, Legal Name from nothing to “A”",
    ):
        assert f"{line} {when}" in shown


def test_clem_may_not_read_the_activity(clem: Person, cast: Cast) -> None:
    address = f"/customers/{customer_id(cast, 'acme')}"
    assert "Activity" not in text_of(clem.get(address))
    assert clem.get(f"{address}/activity").status_code == 403


def test_read_only_staff_see_and_are_offered_nothing_to_change(rita: Person, cast: Cast) -> None:
    for tab in ("", "/users", "/invoices"):
        page = rita.get(f"/customers/{customer_id(cast, 'acme')}{tab}")
        assert page.status_code == 200
        offered = text_of(page)
        for word in ("Edit", "Archive", "Add user", "Remove", "Add tag", "Create invoice"):
            assert word not in offered


@pytest.mark.parametrize("path", PAGES)
def test_another_partners_customer_looks_like_none(ada: Person, cast: Cast, path: str) -> None:
    answers = [
        ada.get(f"/customers/{of}{path}") for of in (customer_id(cast, "initech"), NOBODY, "cus_1", "acme")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


def test_another_partners_dashboard_looks_like_none(ada: Person, cast: Cast) -> None:
    paths = ["", "/customers", f"/customers/{customer_id(cast, 'initech')}", "/tags"]
    answers = [ada.get(f"/partner/{slug}{path}") for slug in ("contoso", "nobody") for path in paths]
    assert {answer.status_code for answer in answers} == {404}


def test_a_customers_user_has_no_dashboard(signed_in: Callable[[str], Person], cast: Cast) -> None:
    petra = signed_in("petra")
    for path in ("", "/customers", f"/customers/{customer_id(cast, 'acme')}", "/tags"):
        assert petra.get(f"/partner/northwind{path}").status_code == 404


def test_home_shows_what_waits(ada: Person, does: Does, cast: Cast) -> None:
    assert "Nothing waits for you" in text_of(ada.get())
    add(does, "Zenith", users=())
    does(
        customer_users.invite, customer_id=cast.customers["globex"], name="Nora", email="nora@globex.example"
    )
    number = bill(does, cast.customers["acme"], due=date(2026, 3, 9))
    shown = text_of(ada.get())
    assert "Overdue invoices 1 All overdue invoices" in shown
    assert f"Invoice Customer Due Balance {number} Acme Mar 9, 2026" in shown
    assert "Customers in set-up 1" in shown
    assert "Finish setup of Zenith" in shown
    assert "Invites not accepted yet 1 Show all invites not accepted yet Nora Globex · sent" in shown


def test_home_says_when_an_invite_can_no_longer_be_accepted(
    signed_in: Callable[[str], Person], does: Does, cast: Cast, clock: Clock
) -> None:
    does(
        customer_users.invite, customer_id=cast.customers["globex"], name="Nora", email="nora@globex.example"
    )
    assert "Nora Globex · sent Mar 10, 2026" in text_of(signed_in("ada").get())
    clock.now += timedelta(hours=72)
    assert "Nora Globex · expired" in text_of(signed_in("ada").get())
