"""Customers: made in one or two steps, changed, archived, restored."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, text
from sqlmodel import col, select

from auth.actors import Actor, MissingRight
from auth.audit import AuditEvent
from auth.companies import CustomerClosed, CustomerNotReady
from auth.invites import Invite
from auth.memberships import Membership, Role
from billing import customers
from billing.customer_fields import CustomerInput, UserInput
from billing.customers import AlreadySetUp, Customer, CustomerStatus, Saved
from billing.mails import Mail, MailKind, MailStatus
from billing.search import SearchToken
from db.session import Database
from errors import Conflict, Problem
from tests.billing.acting import ACME, ANN, BOB, Acts, invoice_of, problems_of
from tests.cast import Cast


def make(acts: Acts, who: Actor, *people: dict[str, str], **changes: object) -> Saved:
    fields = CustomerInput.read({**ACME, **changes})
    return acts(who, customers.create, fields=fields, users=[UserInput.read(person) for person in people])


def change(acts: Acts, who: Actor, customer_id: UUID, version: int | None = None, **fields: object) -> Saved:
    typed = CustomerInput.read(fields)
    return acts(who, customers.update, customer_id=customer_id, fields=typed, version=version)


def words(acts: Acts, cast: Cast, customer_id: UUID) -> set[str]:
    return set(acts.read(cast.ada, select(SearchToken.token).where(SearchToken.subject_id == customer_id)))


def story(acts: Acts, cast: Cast, customer_id: UUID) -> list[tuple[str, str]]:
    mine = select(AuditEvent).where(AuditEvent.customer_id == customer_id).order_by(col(AuditEvent.id))
    return [(event.action, event.actor_name) for event in acts.read(cast.ada, mine)]


def test_ada_makes_a_customer_that_waits_for_its_users(acts: Acts, cast: Cast, now: datetime) -> None:
    customer, users, warnings = make(acts, cast.ada)
    assert (users, warnings) == ((), ())
    assert customer.slug.startswith("acme-rockets-")
    stored = acts.read(cast.ada, select(Customer).where(Customer.id == customer.id))[0].model_dump()
    assert stored == {
        "partner_id": cast.partners["northwind"], "id": customer.id, "slug": customer.slug,
        "company": "Acme Rockets", "company_key": "acme rockets", "legal_name": "Acme Rockets, Inc.",
        "tax_id": "123456789", "address": "1 Main Street", "address2": None, "city": "Springfield",
        "state": "IL", "postal_code": "62701", "country": "US", "currency": "USD", "time_zone": None,
        "terms_days": None, "external_id": None, "status": CustomerStatus.SETUP, "open_minor": 0,
        "credit_minor": 0,
        "version": 1, "created_at": now, "updated_at": now, "archived_at": None,
        "archiving_id": None,
    }  # fmt: skip
    assert words(acts, cast, customer.id) == {
        "acme", "rockets", "inc", "123456789", "12", "3456789",
    }  # fmt: skip
    assert story(acts, cast, customer.id) == [("customer.created", "Ada")]
    assert (acts.count("mail"), acts.count("procrastinate_jobs")) == (0, 0)


def test_with_users_it_is_active_and_each_of_them_is_invited(acts: Acts, cast: Cast, now: datetime) -> None:
    customer, users, _ = make(acts, cast.ada, ANN, BOB)
    assert (customer.status, customer.version) == (CustomerStatus.ACTIVE, 2)
    assert [(user.name, user.email, user.role) for user in users] == [
        ("Ann", "ann@rockets.example", Role.MANAGER), ("Bob", "bob@rockets.example", Role.PAYER),
    ]  # fmt: skip
    invites = {invite.id: invite for invite in acts.read(cast.ada, select(Invite))}
    mails = acts.read(cast.ada, select(Mail).order_by(col(Mail.id)))
    assert [(mail.kind, mail.status, mail.membership_id) for mail in mails] == [
        (MailKind.INVITE, MailStatus.QUEUED, user.id) for user in users
    ]
    assert [invites[mail.subject_id].membership_id for mail in mails] == [user.id for user in users]
    assert {invite.expires_at for invite in invites.values()} == {now + timedelta(hours=72)}
    jobs = acts.owner.execute(text("select task_name, args from procrastinate_jobs order by id")).all()
    assert [tuple(job) for job in jobs] == [
        ("send_mail", {"partner_id": str(customer.partner_id), "mail_id": str(mail.id)}) for mail in mails
    ]
    assert words(acts, cast, customer.id) >= {"ann", "bob", "rockets", "example"}


@pytest.mark.parametrize("who", ["ada", "sue", "clem", "northwind_key"])
def test_who_edits_customers_makes_them(acts: Acts, cast: Cast, who: str) -> None:
    assert make(acts, cast.actors[who], ANN).customer.status is CustomerStatus.ACTIVE


@pytest.mark.parametrize("who", ["rita", "carl", "petra", "vera", "gus"])
def test_nobody_else_makes_customers(acts: Acts, cast: Cast, who: str) -> None:
    with acts.nothing_changes(), pytest.raises(MissingRight):
        make(acts, cast.actors[who])


def test_a_key_without_users_write_makes_a_customer_but_no_users(acts: Acts, cast: Cast) -> None:
    key = cast.northwind_key
    narrow = Actor(kind=key.kind, partner_id=key.partner_id, id=key.id, scopes=frozenset({"customers:write"}))
    with acts.nothing_changes(), pytest.raises(MissingRight) as refused:
        make(acts, narrow, ANN)
    assert refused.value.scope == "users:write"
    with acts.nothing_changes(), pytest.raises(MissingRight):
        make(acts, narrow, ANN, city="")
    customer = make(acts, narrow).customer
    with acts.nothing_changes(), pytest.raises(MissingRight):
        acts(narrow, customers.finish_setup, customer_id=customer.id, users=[UserInput.read(ANN)])


def test_company_and_users_are_refused_together(acts: Acts, cast: Cast) -> None:
    with acts.nothing_changes():
        assert problems_of(lambda: make(acts, cast.ada, ANN, {"name": "Bob"}, city=" ", state="ON")) == [
            ("REQUIRED", ("city",)), ("UNKNOWN_STATE", ("state",)), ("REQUIRED", ("users", 1, "email")),
        ]  # fmt: skip
        assert problems_of(lambda: make(acts, cast.ada, {"name": ""})) == [("REQUIRED", ("users",))]


def duplicate(field: str, message: str, of: UUID) -> Problem:
    told = f"{message}. Check that this is not the same company."
    return Problem("POSSIBLE_DUPLICATE", (field,), told, f"cus_{of.hex}")


def test_possible_duplicates_are_pointed_out_and_kept(acts: Acts, cast: Cast) -> None:
    first = make(acts, cast.ada).customer
    acts(cast.ada, customers.archive, customer_id=first.id)
    again = {"company": "ＡＣＭＥ  rockets", "postal_code": "62701-1234"}
    tax_id = duplicate("tax_id", "Acme Rockets already has this tax id", first.id)
    name = duplicate("company", "Acme Rockets already has this name and ZIP or postal code", first.id)
    with acts.nothing_changes():
        assert acts(cast.ada, customers.check, fields=CustomerInput.read(ACME | again)) == (tax_id, name)
    assert make(acts, cast.ada, **again).warnings == (tax_id, name)
    assert make(acts, cast.ada, company="Other").warnings == (tax_id,)
    assert make(acts, cast.ada, postal_code="62702", tax_id="").warnings == ()


def test_another_partners_customers_are_never_pointed_out(layers: Database, acts: Acts, cast: Cast) -> None:
    make(acts, cast.ada)
    alone = Acts(layers, acts.owner, acts.now)
    assert make(alone, cast.mallory).warnings == ()


def test_an_external_id_is_unique_within_the_partner(acts: Acts, cast: Cast) -> None:
    make(acts, cast.ada, external_id="QB-1")
    assert make(acts, cast.mallory, external_id="QB-1").customer.external_id == "QB-1"
    other = make(acts, cast.ada, external_id="QB-2").customer
    taken = [("EXTERNAL_ID_TAKEN", ("external_id",))]
    with acts.nothing_changes():
        assert problems_of(lambda: make(acts, cast.ada, ANN, external_id=" QB-1 ")) == taken
        assert problems_of(lambda: change(acts, cast.ada, other.id, external_id="QB-1")) == taken


def test_the_second_step_makes_it_active(acts: Acts, cast: Cast) -> None:
    customer = make(acts, cast.ada).customer
    step = {"customer_id": customer.id, "users": [UserInput(name=" ", email=""), UserInput.read(ANN)]}
    saved = acts(cast.clem, customers.finish_setup, **step)
    assert (saved.customer.status, [user.role for user in saved.users]) == ("ACTIVE", [Role.MANAGER])
    assert story(acts, cast, customer.id) == [
        ("customer.created", "Ada"), ("user.invited", "Clem"), ("customer.activated", "Clem"),
    ]  # fmt: skip
    with acts.nothing_changes(), pytest.raises(AlreadySetUp):
        acts(cast.clem, customers.finish_setup, **step)


def test_the_second_step_needs_a_user(acts: Acts, cast: Cast) -> None:
    customer = make(acts, cast.ada).customer
    for users in ([], [UserInput()], [UserInput(name="", email=" ", role="MANAGER")]):
        with acts.nothing_changes():
            refused = problems_of(
                lambda users=users: acts(
                    cast.ada, customers.finish_setup, customer_id=customer.id, users=users
                )
            )
        assert refused == [("REQUIRED", ("users",))]


def test_only_what_is_given_changes(acts: Acts, cast: Cast) -> None:
    customer = make(acts, cast.ada, external_id="QB-1").customer
    saved = change(
        acts, cast.clem, customer.id, 1, company="Acme Anvils", legal_name=None, terms_days="14"
    ).customer
    before, after = customer.model_dump(), saved.model_dump()
    assert {name: value for name, value in after.items() if before[name] != value} == {
        "company": "Acme Anvils", "company_key": "acme anvils", "legal_name": None, "terms_days": 14,
        "version": 2,
    }  # fmt: skip
    assert words(acts, cast, customer.id) == {
        "acme", "anvils", "qb", "1", "qb1", "12", "3456789", "123456789",
    }  # fmt: skip
    event = acts.read(cast.ada, select(AuditEvent).where(AuditEvent.action == "customer.updated"))[0]
    assert event.details == {
        "fields": ["company", "legal_name", "terms_days"],
        "was": ["Acme Rockets", "Acme Rockets, Inc.", ""], "became": ["Acme Anvils", "", "14"],
    }  # fmt: skip


def test_what_was_shown_long_ago_is_not_written_over(acts: Acts, cast: Cast) -> None:
    customer = make(acts, cast.ada).customer
    change(acts, cast.ada, customer.id, 1, city="Peoria")
    with acts.nothing_changes(), pytest.raises(Conflict):
        change(acts, cast.clem, customer.id, 1, city="Chicago")


def test_a_change_that_changes_nothing_writes_nothing(acts: Acts, cast: Cast) -> None:
    customer = make(acts, cast.ada).customer
    with acts.nothing_changes():
        assert change(acts, cast.ada, customer.id, 1, **ACME).customer.version == 1
        assert change(acts, cast.ada, customer.id).warnings == ()


def test_a_change_is_checked_against_what_stays(acts: Acts, cast: Cast) -> None:
    customer = make(acts, cast.ada).customer
    with acts.nothing_changes():
        assert problems_of(lambda: change(acts, cast.ada, customer.id, country="CA", company="")) == [
            ("REQUIRED", ("company",)), ("UNKNOWN_STATE", ("state",)), ("BAD_POSTAL_CODE", ("postal_code",)),
        ]  # fmt: skip
    moved = change(acts, cast.ada, customer.id, country="CA", state="Ontario", postal_code="k1a0b1")
    assert (moved.customer.postal_code, moved.customer.currency) == ("K1A 0B1", "USD")
    assert [warning.code for warning in moved.warnings] == ["BUSINESS_NUMBER_CHECK_DIGIT"]


def test_a_change_points_out_duplicates_but_not_itself(acts: Acts, cast: Cast) -> None:
    first = make(acts, cast.ada).customer
    other = make(acts, cast.ada, company="Other", tax_id=None).customer
    assert change(acts, cast.ada, other.id, tax_id="123456789").warnings == (
        duplicate("tax_id", "Acme Rockets already has this tax id", first.id),
    )
    assert change(acts, cast.ada, other.id, terms_days=5).warnings == ()


def test_the_currency_is_fixed_by_the_first_invoice(acts: Acts, cast: Cast, owner: Connection) -> None:
    globex, acme = cast.customers["globex"], cast.customers["acme"]
    assert change(acts, cast.ada, globex, currency="CAD").customer.currency == "CAD"
    invoice_of(owner, cast, "acme", status="DRAFT")
    with acts.nothing_changes():
        assert problems_of(lambda: change(acts, cast.ada, acme, currency="CAD")) == [
            ("CURRENCY_FIXED", ("currency",))
        ]
        change(acts, cast.ada, acme, currency="USD")


def test_archiving_keeps_the_records_and_kills_the_invites(acts: Acts, cast: Cast, now: datetime) -> None:
    customer = make(acts, cast.ada, ANN).customer
    archived = acts(cast.clem, customers.archive, customer_id=customer.id)
    assert (archived.status, archived.archived_at, archived.version) == (CustomerStatus.ARCHIVED, now, 3)
    mine = select(Invite.revoked_at).where(Invite.customer_id == customer.id)
    assert acts.read(cast.ada, mine) == [now]
    assert acts.read(cast.ada, select(Membership.status).where(Membership.customer_id == customer.id)) == [
        "INVITED"
    ]
    with acts.nothing_changes():
        assert acts(cast.clem, customers.archive, customer_id=customer.id).archived_at == now
        with pytest.raises(CustomerClosed):
            change(acts, cast.ada, customer.id, city="Peoria")
        with pytest.raises(CustomerClosed):
            acts(cast.ada, customers.finish_setup, customer_id=customer.id, users=[UserInput.read(ANN)])


def test_restoring_gives_back_what_it_was(acts: Acts, cast: Cast) -> None:
    active, setup = make(acts, cast.ada, ANN).customer, make(acts, cast.ada).customer
    for customer, status in ((active, CustomerStatus.ACTIVE), (setup, CustomerStatus.SETUP)):
        acts(cast.ada, customers.archive, customer_id=customer.id)
        restored = acts(cast.ada, customers.restore, customer_id=customer.id)
        assert (restored.status, restored.archived_at) == (status, None)
        with acts.nothing_changes():
            acts(cast.ada, customers.restore, customer_id=customer.id)
    assert story(acts, cast, setup.id) == [
        ("customer.created", "Ada"), ("customer.archived", "Ada"), ("customer.restored", "Ada"),
    ]  # fmt: skip


def test_only_an_active_customer_is_invoiced(acts: Acts, cast: Cast) -> None:
    setup = make(acts, cast.ada).customer
    acts(cast.ada, customers.archive, customer_id=cast.customers["globex"])
    assert acts(cast.ada, customers.billable, customer_id=cast.customers["acme"]).company == "Acme"
    with pytest.raises(CustomerNotReady):
        acts(cast.ada, customers.billable, customer_id=setup.id)
    with pytest.raises(CustomerClosed):
        acts(cast.ada, customers.billable, customer_id=cast.customers["globex"])


@pytest.mark.parametrize("who", ["rita", "carl", "petra", "vera", "gus"])
def test_nobody_else_changes_customers(acts: Acts, cast: Cast, who: str) -> None:
    chosen = {"customer_id": cast.customers["globex" if who == "gus" else "acme"]}
    with acts.nothing_changes():
        for rule, what in (
            (customers.update, {"fields": CustomerInput(city="Peoria")}), (customers.archive, {}),
            (customers.restore, {}), (customers.finish_setup, {"users": [UserInput.read(ANN)]}),
        ):  # fmt: skip
            with pytest.raises(MissingRight):
                acts(cast.actors[who], rule, **chosen, **what)
        with pytest.raises(MissingRight):
            acts(cast.actors[who], customers.check, fields=CustomerInput.read(ACME))


def test_a_slug_that_another_partner_has_is_drawn_again(
    acts: Acts, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    ones = (28**6 - 1) // 27  # in a number system of 28 letters: 111111
    drawn = iter([8 * ones, 8 * ones, 9 * ones, *[8 * ones] * 8])
    monkeypatch.setattr("secrets.randbelow", lambda most: next(drawn))
    assert make(acts, cast.mallory).customer.slug == "acme-rockets-bbbbbb"
    assert make(acts, cast.ada).customer.slug == "acme-rockets-cccccc"
    with acts.nothing_changes(), pytest.raises(RuntimeError, match="no free slug"):
        make(acts, cast.ada)
