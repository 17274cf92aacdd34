"""A-2: past row-level security, a rule that finds a twin of everything under the same ids does as without.

The twin is another partner's: tests/billing/shelf.py. Whoever forgets to say whose it means finds two, takes
the wrong one, counts both, or changes the twin, which is refused. `python -m tests.predicates` asks these.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import Session, SQLModel, select

from auth.actors import Actor, system
from auth.memberships import Membership
from auth.profiles import Seat
from billing import (
    access_requests,
    brand,
    catalogue,
    credit_notes,
    credit_papers,
    crediting,
    customer_import_users,
    customer_imports,
    customer_notes,
    customer_views,
    erasing,
    erasing_former,
    impersonations,
    invoice_archiving,
    invoice_bulk,
    invoice_duplicates,
    invoice_imports,
    invoice_life,
    invoice_sending,
    invoice_threads,
    invoice_totals,
    invoices,
    mailed_links,
    outside_payments,
    papers,
    pay_links,
    payment_orders,
    payments,
    pending_invites,
    profiles,
    recurring_invoices,
    settling,
    statements,
    tags,
    tax_rates,
    thread_mails,
)  # fmt: skip
from billing.catalogue import CatalogueInput
from billing.crediting import ApplyInput, CreditNoteInput
from billing.customer_import_tables import CustomerImport
from billing.customer_views import ViewInput
from billing.invoice_threads import Opening, ThreadKind
from billing.invoices import Invoice
from billing.mails import Mail, MailKind
from billing.outside_payments import OutsideInput
from billing.recurrences import RecurringInvoice
from billing.tax_rates import TaxRateInput
from db.session import Database
from tests.billing.acting import acting
from tests.billing.paying import answer_to
from tests.billing.shelf import Things
from tests.billing.shelf import both as both
from tests.billing.shelf import shelf as shelf
from tests.billing.shelf import things as things
from tests.billing.shelf import twins as twins
from tests.billing.test_recurring_invoices import MONTHLY
from tests.money.desk import one_line, usd
from tests.twins import TWIN

Attempt = Callable[[Session, Things], object]


def _invoice(db: Session, t: Things, name: str) -> Invoice:
    return db.get_one(Invoice, (t.cast.ada.partner_id, t.ids[name]))


def _import(db: Session, t: Things) -> CustomerImport:
    return customer_imports.find(db, t.cast.ada, import_id=t.ids["import"])


def _looked(db: Session, t: Things) -> bool:
    grant = impersonations.start(
        db, _proved(t), customer_id=t.ids["acme"], viewed_id=t.ids["petra"], now=t.now
    )
    return impersonations.end(db, _proved(t), grant_id=grant.id, now=t.now).id == grant.id


def _proved(t: Things) -> Actor:
    return replace(t.cast.ada, session_id=t.ids["session"], proved_at=t.now)


def _said_twice(db: Session, t: Things) -> bool:
    fields = OutsideInput(kind="CHECK", amount="1.00", send_receipt=False)
    given = {"invoice_id": t.ids["invoice"], "fields": fields, "request_key": "k", "now": t.now}
    first, second = (outside_payments.record(db, t.cast.ada, **given) for _ in range(2))
    return first.id == second.id


def _taken_up(db: Session, t: Things) -> str:
    return invoice_life.reopen(db, t.cast.ada, invoice_id=t.ids["lost"], now=t.now).status


def _on_line(db: Session, t: Things) -> bool:
    line = invoices.lines_of(db, _invoice(db, t, "invoice"))[0]
    opening = Opening(ThreadKind.QUESTION, "This?", line.id)
    what = {"invoice_id": t.ids["invoice"], "fields": opening, "now": t.now}
    return invoice_threads.open_thread(db, t.cast.carl, **what).line_id == line.id


def _saved(db: Session, t: Things) -> list[str]:
    fields = [ViewInput.read({"name": "Mine", "is_shared": shared}) for shared in (True, False)]
    made = [customer_views.create(db, t.cast.ada, fields=one, now=t.now) for one in fields]
    changed = ViewInput.read({"name": "Later"})
    view = customer_views.update(db, t.cast.ada, view_id=t.ids["view"], fields=changed, now=t.now)
    seat = db.get_one(Membership, (t.cast.ada.partner_id, t.cast.ada.id))
    customer_views.drop_own(db, member=seat)
    return [*(one.name for one in made), view.name]


def _paid(db: Session, t: Things) -> tuple[str, dict[UUID, int]]:
    order = {
        "customer_id": t.ids["acme"], "shares": [payment_orders.Share(t.ids["invoice"], usd(200))],
        "payment_method_id": t.ids["card"], "expected_total": usd(200), "idempotency_key": "k",
    }  # fmt: skip
    begun = payments.begin(db, t.cast.petra, **order, now=t.now)
    settling.start_try(db, t.cast.petra, payment_id=begun.id, now=t.now)
    done = settling.settle(db, t.cast.petra, payment_id=begun.id, answer=answer_to(begun), now=t.now)
    return done.status, payments.shares_of(db, done)


def _charged_as_twin(db: Session, t: Things) -> str:
    """The twin's charge of that name is no other payment's of Northwind."""
    payment = payments.find(db, t.cast.petra, payment_id=t.ids["waiting"])
    answer = answer_to(payment, gateway_id="ch_twin")
    return settling.settle(db, t.cast.petra, payment_id=payment.id, answer=answer, now=t.now).status


def _carried(db: Session, t: Things) -> list[UUID]:
    made = invoice_duplicates.duplicate(db, t.cast.ada, invoice_id=t.ids["invoice"], now=t.now).invoice
    link = tags.InvoiceTag
    mine = (link.partner_id == made.partner_id, link.invoice_id == made.id)
    carried = list(db.exec(select(link.tag_id).where(*mine)))
    assert carried == [t.ids["ours"]]  # and not what Carl keeps for Acme
    return carried


def _rewritten(db: Session, t: Things) -> tuple[int, int]:
    fields = one_line(900)
    made = invoices.update_draft(db, t.cast.ada, invoice_id=t.ids["planned"], fields=fields, now=t.now)
    return len(invoices.lines_of(db, made)), made.total_minor


def _opened(db: Session, t: Things) -> list[object]:
    guest = pay_links.open_link(db, token=t.tokens["pay"], is_counted=True, now=t.now)
    live = pay_links.live_of(db, t.cast.ada, invoice_id=t.ids["invoice"], now=t.now)
    gone = pay_links.revoke(db, t.cast.ada, link_id=t.ids["link"], now=t.now)
    return [guest.partner.name, len(live), gone.opened_count]


def _mailed(db: Session, t: Things) -> list[object]:
    about = {"partner_id": t.cast.ada.partner_id, "now": t.now}
    leads = mailed_links.path_in_mail(db, invoice_id=t.ids["invoice"], **about)
    invoice, path = mailed_links.of_mail(db, link_id=t.ids["link"], **about)
    mailed_links.ask_fresh(db, token=t.tokens["pay"], address="192.0.2.1", now=t.now)
    mine = (Mail.partner_id == t.cast.ada.partner_id, Mail.kind == MailKind.PAY_LINK)
    told = sorted(db.exec(select(Mail.membership_id).where(*mine)))
    people = [t.cast.carl.id, t.cast.petra.id, t.ids["invited"], t.ids["bob"]]
    assert told == sorted(people)  # and nobody of Globex's
    return [leads, invoice, path, told]


def _credited(db: Session, t: Things) -> list[object]:
    """Said again, it is the note and the credit there are; and the note as it is printed."""
    fields, asked = CreditNoteInput(reason="Never delivered"), {"now": t.now}
    note = crediting.issue(
        db, t.cast.ada, invoice_id=t.ids["whole"], fields=fields, request_key="n1", **asked
    )
    applied = crediting.apply(
        db, t.cast.ada, invoice_id=t.ids["other"], fields=ApplyInput(), request_key="a1", **asked
    )
    more = crediting.issue(
        db, t.cast.ada, invoice_id=t.ids["invoice"], fields=fields, request_key="n3", **asked
    )
    whole = _invoice(db, t, "whole")
    return [
        note, applied, more.total_minor, credit_papers.credit_paper(db, t.cast.ada, note_id=note.id),
        credit_notes.noted_minor(db, whole), list(credit_notes.parts_noted(db, whole).values()),
    ]  # fmt: skip


def _offered(db: Session, t: Things) -> list[object]:
    asked = {"item_id": t.ids["item"], "now": t.now}
    same = catalogue.update(
        db, t.cast.ada, fields=CatalogueInput(name="Hour"), tax_rate_ids=[t.ids["gst"]], **asked
    ).version
    other = catalogue.update(
        db, t.cast.ada, fields=CatalogueInput(name="Day"), tax_rate_ids=[t.ids["qst"]], **asked
    )
    rate = tax_rates.update(
        db, t.cast.ada, tax_rate_id=t.ids["gst"], fields=TaxRateInput(rate="6"), now=t.now
    )
    tried = invoice_totals.try_out(db, t.cast.ada, customer_id=t.ids["acme"], fields=one_line(900), now=t.now)
    return [same, other, rate, tried]


def _put_away(db: Session, t: Things) -> list[object]:
    about = {"invoice_ids": [t.ids["paid"]], "now": t.now}
    done = invoice_archiving.archive(db, t.cast.ada, **about).invoices
    back = invoice_archiving.restore(db, t.cast.ada, **about)
    undone = invoice_archiving.undo_archiving(db, t.cast.ada, archiving_id=t.ids["put_away"], now=t.now)
    return [len(done), len(back), undone]


def _erased(db: Session, t: Things) -> list[object]:
    seat = db.get_one(Membership, (t.cast.ada.partner_id, t.cast.vera.id))
    erasing.erase_place(db, system(t.cast.ada.partner_id), seat, t.now)
    rows = customer_imports.sample(db, t.cast.ada, import_id=t.ids["import"])
    return [seat.name, *(one.cells for one in rows)]


def _people(db: Session, t: Things) -> set[tuple[str, bool]]:
    known = customer_import_users.known_people(db, t.cast.ada.partner_id, [t.ids["acme"]])
    return {(member.name, waits) for member, waits in known.values()}


def _sent(db: Session, t: Things) -> list[tuple[str, str]]:
    ids = [t.ids["invoice"], t.ids["plain"]]
    return [
        (one.company, one.number) for one in invoice_bulk.send(db, t.cast.ada, invoice_ids=ids, now=t.now)
    ]


def _repeated(db: Session, t: Things) -> list[object]:
    ada = t.cast.ada
    made = recurring_invoices.create(db, ada, invoice_id=t.ids["plain"], fields=MONTHLY, now=t.now)
    row = db.get_one(RecurringInvoice, (ada.partner_id, t.ids["order"]))
    template = recurring_invoices.repeated(db, row, t.ids["draft"])
    ended = [recurring_invoices.end(db, ada, recurring_id=one, now=t.now).status for one in (made.id, row.id)]
    return [template.id, *ended]


def _notes(db: Session, t: Things) -> list[str]:
    added = customer_notes.add(db, t.cast.ada, customer_id=t.ids["acme"], text="Again", now=t.now)
    changed = customer_notes.update(db, t.cast.ada, note_id=added.id, text="Changed", now=t.now)
    return [changed.text]


def _announced(db: Session, t: Things) -> list[UUID]:
    about = {"partner_id": t.cast.ada.partner_id, "message_id": t.ids["message"]}
    thread_mails.announce(db, **about, now=t.now)
    mine = (Mail.partner_id == t.cast.ada.partner_id, Mail.subject_id == t.ids["message"])
    told = list(db.exec(select(Mail.membership_id).where(*mine)))
    assert told == [t.cast.ada.id]  # of the other side, and nobody of a customer's
    return told


SAME: dict[str, Attempt] = {
    "access_requests.look": lambda db, t: access_requests.look(db, token=t.tokens["access"], now=t.now),
    "brand.logo_named": lambda db, t: brand.logo_named(db, name=t.tokens["logo"]),
    "catalogue.update": _offered,
    "crediting.issue": _credited,
    "customer_import_users.known_people": _people,
    "invoice_imports.cancel": lambda db, t: [
        len(invoice_imports.sample(db, t.cast.ada, import_id=t.ids["bills"])),
        len(invoice_imports.report(db, t.cast.ada, import_id=t.ids["bills"])),
        invoice_imports.cancel(db, t.cast.ada, import_id=t.ids["bills"], now=t.now).state,
    ],
    "customer_imports.cancel": lambda db, t: [
        len(customer_imports.sample(db, t.cast.ada, import_id=t.ids["import"])),
        len(customer_imports.report(db, t.cast.ada, import_id=t.ids["import"])),
        customer_imports.cancel(db, t.cast.ada, import_id=t.ids["import"], now=t.now).state,
    ],
    "customer_notes.update": _notes,
    "customer_views.create": _saved,
    "erasing.erase_place": _erased,
    "erasing_former.former": lambda db, t: [
        one.name for one in erasing_former.former(db, t.cast.ada, membership_id=t.ids["sue"])[0]
    ],
    "impersonations.start": _looked,
    "invoice_archiving.archive": _put_away,
    "invoice_bulk.send": _sent,
    "invoice_duplicates.duplicate": _carried,
    "invoice_life.finalize": lambda db, t: invoice_life.finalize(
        db, t.cast.ada, invoice_id=t.ids["plain"], now=t.now
    ).number,
    "invoice_life.reopen": _taken_up,
    "invoice_sending.was_asked": lambda db, t: invoice_sending.was_asked(
        db, _invoice(db, t, "invoice"), since=t.now + timedelta(hours=1)
    ),
    "invoice_threads.open_thread": _on_line,
    "invoice_threads.reply": lambda db, t: invoice_threads.reply(
        db, t.cast.carl, thread_id=t.ids["thread"], text="Well?", now=t.now
    ).state,
    "invoices.delete_draft": lambda db, t: invoices.delete_draft(
        db, t.cast.ada, invoice_id=t.ids["plain"], now=t.now
    ),
    "invoices.taxes_of": lambda db, t: sorted(
        len(one) for one in invoices.taxes_of(db, _invoice(db, t, "draft")).values()
    ),
    "invoices.update_draft": _rewritten,
    "mailed_links.ask_fresh": _mailed,
    "outside_payments.with_invoices": lambda db, t: [
        (one.partner_id, one.number, share)
        for one, share in outside_payments.with_invoices(db, t.cast.ada, payment_id=t.ids["check"])[1]
    ],
    "outside_payments.record": _said_twice,
    "outside_payments.reverse": lambda db, t: outside_payments.reverse(
        db, t.cast.ada, payment_id=t.ids["check"], reason="It bounced", now=t.now
    ).reversal_reason,
    "papers.invoice_paper": lambda db, t: papers.invoice_paper(
        db, t.cast.ada, invoice_id=t.ids["draft"]
    ),
    "papers.receipt_paper": lambda db, t: papers.receipt_paper(
        db, t.cast.ada, payment_id=t.ids["payment"]
    ),
    "pay_links.open_link": _opened,
    "payments.begin": _paid,
    "payments.cancel": lambda db, t: payments.cancel(
        db, t.cast.petra, payment_id=t.ids["waiting"], now=t.now
    ).status,
    "pending_invites.resend": lambda db, t: pending_invites.resend(
        db, t.cast.ada, membership_ids=[t.ids["invited"]], now=t.now
    ),
    "profiles": lambda db, t: profiles._keep_words(
        db, Seat(t.cast.petra, db.get_one(Membership, (t.cast.ada.partner_id, t.cast.petra.id)))
    ),
    "recurring_invoices.create": _repeated,
    "settling.settle": _charged_as_twin,
    "statements.statement": lambda db, t: statements.statement(
        db, t.cast.ada, customer_id=t.ids["acme"], first=None, last=None, now=t.now
    ),
    "thread_mails.announce": _announced,
    "thread_mails.of_message": lambda db, t: thread_mails.of_message(
        db, partner_id=t.cast.ada.partner_id, message_id=t.ids["message"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_a_twin_of_everything_changes_nothing(
    both: tuple[Database, Database], things: Things, name: str
) -> None:
    alone, twinned = (_answer(database, SAME[name], things) for database in both)
    assert twinned == alone


def _answer(database: Database, attempt: Attempt, things: Things) -> object:
    with acting(database, things.cast.ada) as db:
        return _plain(attempt(db, things))


def _plain(answer: Any) -> object:
    """What can be compared: of a record its columns, of a thing that holds records its parts."""
    if isinstance(answer, SQLModel):
        return answer.model_dump()
    if isinstance(answer, (list, tuple)):
        return [_plain(one) for one in answer]
    parts = getattr(answer, "__dataclass_fields__", None)
    return answer if parts is None else {name: _plain(getattr(answer, name)) for name in parts}


def test_a_twins_views_take_no_room(
    both: tuple[Database, Database], things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customer_views, "MOST_SHARED", 2)
    fields = ViewInput.read({"name": "The second", "is_shared": True})
    with acting(both[1], things.cast.ada) as db:
        assert customer_views.create(db, things.cast.ada, fields=fields, now=things.now).is_shared


def test_an_invoice_is_sent_to_its_own_customer(both: tuple[Database, Database], things: Things) -> None:
    """Though the twin is the one that is found last."""
    with acting(both[1], things.cast.ada) as db:
        db.execute(text("create index whose on customer (partner_id desc)"))
        db.execute(text("cluster customer using whose"))
        assert {company for company, _ in _sent(db, things)} == {"Acme"}


def test_archiving_an_invoice_locks_no_twins_customer(
    both: tuple[Database, Database], things: Things
) -> None:
    with acting(both[1], things.cast.ada) as db:
        invoice_archiving.archive(db, things.cast.ada, invoice_ids=[things.ids["paid"]], now=things.now)
        with both[1].transaction() as other:
            locked = text("select id from customer where partner_id = :whose and id = :id for update nowait")
            other.execute(locked, {"whose": TWIN, "id": things.ids["acme"]})
