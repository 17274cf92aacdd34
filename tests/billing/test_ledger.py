"""The ledger: balanced, append-only; and a check that finds each kind of contradiction."""

from uuid import uuid4

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from billing import invoice_life, invoices, ledger, payments
from billing.customers import Customer
from billing.ledger import Account, EntryCause, LedgerEntry, Leg, Unbalanced
from billing.money import Currency
from billing.payment_methods import Funding, MethodKind, PaymentMethod
from billing.payment_orders import Share
from billing.payments import Payment
from billing.ports import ChargeAnswer, ChargeStatus
from billing.settling import settle
from tests.billing.acting import Acts
from tests.cast import Cast
from tests.money.desk import one_line, usd

USD, CAD = Currency.USD, Currency.CAD


def post(acts: Acts, cast: Cast, *legs: Leg, subject=None) -> None:
    acts(
        cast.ada, ledger.post, cause=EntryCause.INVOICE_FINALIZED, subject_id=subject or uuid4(),
        customer_id=cast.customers["acme"], legs=legs,
    )  # fmt: skip


def books(acts: Acts, cast: Cast, partner: str = "northwind") -> list[str]:
    with acts.database.transaction(partner_id=cast.partners[partner]) as db:
        return ledger.check(db)


def card_of(acts: Acts, cast: Cast) -> PaymentMethod:
    method = PaymentMethod(
        partner_id=cast.petra.partner_id, customer_id=cast.petra.customer_id, kind=MethodKind.CARD,
        funding=Funding.CREDIT, brand="visa", last4="4242", fingerprint="f", gateway="sandbox",
        gateway_account="acct_northwind", gateway_ref="pm_1", is_default=True, created_at=acts.now,
        updated_at=acts.now,
    )  # fmt: skip
    acts(cast.petra, lambda db, _: (db.add(method), db.flush()))
    return method


def paid_part(acts: Acts, cast: Cast) -> Payment:
    """An invoice of 100.00 of which 40.00 are paid and 10.00 are under way."""
    what = {"customer_id": cast.customers["acme"], "fields": one_line(10_000)}
    invoice = acts(cast.ada, invoices.create_draft, **what)
    acts(cast.ada, invoice_life.finalize, invoice_id=invoice.id)
    order = {"customer_id": cast.customers["acme"], "payment_method_id": card_of(acts, cast).id}

    def begin(minor: int) -> Payment:
        return acts(
            cast.petra, payments.begin, **order, shares=[Share(invoice.id, usd(minor))],
            expected_total=usd(minor), idempotency_key=uuid4().hex,
        )  # fmt: skip

    begin(1_000)
    answer = ChargeAnswer(ChargeStatus.SUCCEEDED, "ch_1", None, None, None, 4_000, "USD")
    return acts(cast.petra, settle, payment_id=begin(4_000).id, answer=answer)


def test_an_entry_moves_what_the_customer_owes_by_its_receivable_legs(acts: Acts, cast: Cast) -> None:
    post(acts, cast, *ledger.claim(uuid4(), USD, net_minor=900, tax_minor=100))
    post(acts, cast, Leg(Account.RECEIVABLE, -250, USD), Leg(Account.GATEWAY_CLEARING, 250, USD))
    wanted = select(Customer.open_minor).where(Customer.id == cast.customers["acme"])
    assert list(acts.read(cast.ada, wanted)) == [750]


def test_an_entry_names_actor_cause_and_time_and_no_empty_legs(acts: Acts, cast: Cast) -> None:
    subject = uuid4()
    post(acts, cast, *ledger.claim(subject, USD, net_minor=900, tax_minor=0), subject=subject)
    (entry,) = acts.read(cast.ada, select(LedgerEntry))
    assert (entry.actor_kind, entry.actor_id, entry.at) == ("STAFF", cast.ada.id, acts.now)
    assert (entry.cause, entry.subject_id) == (EntryCause.INVOICE_FINALIZED, subject)
    assert acts.count("ledger_posting") == 2


@pytest.mark.parametrize(
    "legs",
    [
        [],
        [Leg(Account.SALES, 0, USD)],
        [Leg(Account.RECEIVABLE, 100, USD)],
        [Leg(Account.RECEIVABLE, 100, USD), Leg(Account.SALES, -99, USD)],
        [Leg(Account.RECEIVABLE, 100, USD), Leg(Account.SALES, -100, CAD)],
    ],
)
def test_what_does_not_balance_is_not_posted(acts: Acts, cast: Cast, legs: list[Leg]) -> None:
    with acts.nothing_changes(), pytest.raises(Unbalanced):
        post(acts, cast, *legs)


def test_a_cause_moves_money_for_a_subject_once(acts: Acts, cast: Cast) -> None:
    subject = uuid4()
    legs = ledger.claim(subject, USD, net_minor=900, tax_minor=0)
    post(acts, cast, *legs, subject=subject)
    with acts.nothing_changes(), pytest.raises(DBAPIError, match="uq_ledger_entry"):
        post(acts, cast, *legs, subject=subject)


def test_the_database_refuses_an_entry_that_does_not_balance(acts: Acts, cast: Cast) -> None:
    subject = uuid4()
    post(acts, cast, *ledger.claim(subject, USD, net_minor=900, tax_minor=0), subject=subject)
    one_more = text(
        "insert into ledger_posting select partner_id, gen_random_uuid(), customer_id, entry_id, account, 1,"
        " currency, invoice_id, payment_id from ledger_posting limit 1"
    )
    with acts.nothing_changes(), pytest.raises(DBAPIError, match="does not balance"):
        acts(cast.ada, lambda db, _: db.execute(one_more))


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_posting"])
@pytest.mark.parametrize(
    "change", ["update {} set partner_id = partner_id", "delete from {}", "truncate {} cascade"]
)
def test_history_is_immutable(acts: Acts, cast: Cast, owner: Connection, table: str, change: str) -> None:
    post(acts, cast, *ledger.claim(uuid4(), USD, net_minor=900, tax_minor=0))
    with acts.nothing_changes():
        with pytest.raises(DBAPIError, match="permission denied"):
            acts(cast.ada, lambda db, _: db.execute(text(change.format(table))))
        if not change.startswith("truncate"):
            with pytest.raises(DBAPIError, match="append-only"):
                owner.execute(text(change.format(table)))


def test_sound_books_have_nothing_to_say(acts: Acts, cast: Cast) -> None:
    paid_part(acts, cast)
    assert books(acts, cast) == books(acts, cast, "contoso") == []


# What could go wrong in the tables, and the sentence it must cause. Triggers are off: this is sabotage.
SABOTAGE = [
    ("I1", "update ledger_posting set amount_minor = amount_minor + 1 where account = 'SALES'"),
    ("I1", "delete from ledger_posting"),
    ("I2", "update invoice set paid_minor = paid_minor + 1"),
    ("I3", "update invoice set status = 'VOID', reserved_minor = 0"),
    ("I3", "update customer set open_minor = 1 where slug like 'acme%'"),
    ("I3", "update invoice_line set issued = false"),
    ("I3", "update invoice_line set net_minor = net_minor + 1, total_minor = total_minor + 1"),
    ("I4", "update payment set status = 'FAILED' where status = 'SUCCEEDED'"),
    ("I4", "update payment set status = 'SUCCEEDED' where status = 'PENDING'"),
    ("I4", "update payment set gateway_ref = null where status = 'SUCCEEDED'"),
    ("I5", "update ledger_posting set amount_minor = 9 * amount_minor where payment_id is not null"),
    ("I6", "update payment set settled_at = null"),
    ("I6", "update payment_allocation set status = 'RELEASED' where status = 'RESERVED'"),
    ("I6", "update payment_allocation set amount_minor = amount_minor + 1"),
    ("I7", "update ledger_entry set actor_id = null"),
    ("I8", "update ledger_posting set currency = 'CAD'"),
    ("I8", "update ledger_posting set invoice_id = null"),
    ("I9", "delete from mail"),
    ("I9", "insert into mail select partner_id, gen_random_uuid(), customer_id, membership_id, kind,"
     " subject_id, status, tries, answer, created_at, sent_at from mail"),
    ("M-4", "update invoice set reserved_minor = 0"),
    ("M-4", "update partner set next_invoice_number = 7 where slug = 'northwind'"),
]  # fmt: skip


@pytest.mark.parametrize(("named", "sabotage"), SABOTAGE)
def test_the_check_finds_each_contradiction(
    acts: Acts, cast: Cast, owner: Connection, named: str, sabotage: str
) -> None:
    paid_part(acts, cast)
    owner.execute(text("set session_replication_role = replica"))
    owner.execute(text(sabotage))
    found = books(acts, cast)
    assert any(sentence.startswith(f"{named}: ") for sentence in found), found
    assert books(acts, cast, "contoso") == []
