"""What tests of ties find at Northwind: one of everything, made once a run and copied for each test.

And the same with a twin of all of it, under the same ids, at another partner: tests/twins.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from billing import (
    brand,
    catalogue,
    customer_bulk,
    customer_notes,
    customer_users,
    customer_views,
    customers,
    invoice_archiving,
    invoice_life,
    invoice_scheduling,
    invoice_sending,
    invoice_threads,
    invoices,
    long_acts,
    pay_links,
    tags,
    tax_rates,
)
from billing.catalogue import CatalogueInput
from billing.customer_fields import CustomerInput
from billing.customer_views import ViewInput
from billing.invoice_threads import Opening, ThreadKind
from billing.invoices import Invoice
from billing.many import Many, Noun, What
from billing.recurrences import RecurringInvoice
from billing.tags import TagInput
from billing.tax_rates import TaxRateInput
from db.engine import make_engine
from db.session import Database
from tests.auth.steps import start_session
from tests.billing.access_steps import asked, enter_address, mailed_link
from tests.billing.acting import ACME, ANN, BOB, Acts
from tests.billing.importing import BLUE, Imports, InvoiceImports
from tests.billing.paying import Till
from tests.billing.test_crediting import applied, credited, part
from tests.billing.test_recurring_invoices import bill, ordered
from tests.cast import Cast
from tests.conftest import NOON, SECRET, Cluster
from tests.money.desk import one_line
from tests.twins import TWIN, plant
from worker.queue import defer_job

# What of it happened at another time, or by somebody else, than the rules can have it.
_ALIKE = """
update ledger_entry set at = at - interval '1 day' where cause = 'INVOICE_FINALIZED';
update customer_note set author_id = '{vera}';
update invoice_thread set resolver_id = '{vera}' where state = 'RESOLVED';
update invoice_thread_message set author_id = '{vera}';
update customer_import set asked_by = '{vera}';
update customer_import_row set cells = array['vera@acme.example', 'Vera', 'of Acme'];
update invoice_import set asked_by = '{vera}';
update invoice_import_row set cells = array['vera@acme.example', 'Vera', 'of Acme'];
update long_act set asked_by = '{vera}';
update mail set membership_id = '{vera}', answer = 'no such vera' where kind = 'INVOICE';
delete from invite where membership_id = '{bob}';
update membership set status = 'REMOVED', removed_at = now(), user_id = null where id = '{sue}'
"""
# What is another thing in the twin: whoever takes the first of two, counts, or adds up is to be told apart.
_UNLIKE = """
update customer set company = 'Twin' where partner_id = '{twin}';
update mail set created_at = created_at + interval '1 day' where partner_id = '{twin}';
update recurring_invoice set invoice_id = '{plain}' where partner_id = '{twin}';
update payment_allocation set invoice_id = '{lost}' where partner_id = '{twin}';
update outside_payment_allocation set amount_minor = amount_minor + 7 where partner_id = '{twin}';
update payment set gateway_ref = 'ch_twin' where partner_id = '{twin}' and id = '{payment}';
update ledger_entry set at = at - interval '2 days' where partner_id = '{twin}';
update invoice_thread_message set author_id = '{clem}', created_at = created_at + interval '1 hour'
  where partner_id = '{twin}' and id = '{message}';
update customer_import_row set made = made || jsonb_build_object('company', 'Twin')
  where partner_id = '{twin}';
update mail set subject_id = '{message}' where partner_id = '{twin}' and kind = 'RECEIPT';
update catalogue_item_tax set tax_rate_id = '{qst}' where partner_id = '{twin}';
update pay_link set created_at = created_at + interval '1 hour' where partner_id = '{twin}';
update ledger_posting set entry_id = (select id from ledger_entry where cause = 'INVOICE_FINALIZED'
  order by id limit 1) where partner_id = '{twin}' and payment_id is not null;
update invite set membership_id = '{bob}' where partner_id = '{twin}' and membership_id = '{invited}'
"""


@dataclass(frozen=True)
class Things:
    """What there is at Northwind, most of it Acme's, and who asks for it."""

    cast: Cast
    now: datetime
    ids: dict[str, UUID]
    customer: customers.Customer
    order: RecurringInvoice
    invoice: Invoice
    # What opens a pay link and an access link, and what the logo's address ends in.
    tokens: dict[str, str]

    @property
    def contoso(self) -> UUID:
        return self.cast.partners["contoso"]


@pytest.fixture(scope="session")
def shelf(cluster: Cluster) -> Iterator[tuple[str, Things]]:
    """A database in which there is all that, made once: each test gets a copy."""
    name = cluster.create()
    database = Database(make_engine(cluster.url_of(name)), defer_job, secret=SECRET)
    engine = make_engine(cluster.url_of(name), as_role=False)
    with engine.connect() as owner:
        acts = Acts(database, owner.execution_options(isolation_level="AUTOCOMMIT"), NOON)
        things = _made(database, acts, Imports(database, cluster.cast.ada, NOON), cluster.cast, NOON)
    database.close()
    engine.dispose()
    yield name, things
    cluster.drop(name)


@pytest.fixture(scope="session")
def twins(cluster: Cluster, shelf: tuple[str, Things]) -> Iterator[str]:
    """All that, and a twin of it that is not the same in everything."""
    name, things = shelf
    copy = cluster.create(name)
    told = {**{name: str(one) for name, one in things.ids.items()}, "twin": TWIN}
    with psycopg.connect(cluster.url_of(copy), autocommit=True) as connection:
        plant(connection, things.cast, is_alike=False)
        connection.execute("set session_replication_role = replica")
        for change in _UNLIKE.format(**told).split(";"):
            connection.execute(change.encode())
    yield copy
    cluster.drop(copy)


@pytest.fixture
def alike(cluster: Cluster, shelf: tuple[str, Things]) -> Iterator[Database]:
    """Past row-level security, all that and its very twin."""
    name = cluster.create(shelf[0])
    with psycopg.connect(cluster.url_of(name), autocommit=True) as connection:
        plant(connection, shelf[1].cast)
        connection.execute("set session_replication_role = replica")
        # Of one gateway account no two payments have a charge in common, whoever's they are.
        other = f"gateway_ref = gateway_ref || '-twin' where partner_id = '{TWIN}'"
        connection.execute(f"update payment set {other}".encode())
    database = Database(make_engine(cluster.url_of(name), as_role=False), defer_job, secret=SECRET)
    yield database
    database.close()
    cluster.drop(name)


@pytest.fixture
def both(cluster: Cluster, shelf: tuple[str, Things], twins: str) -> Iterator[tuple[Database, Database]]:
    """Past row-level security, Northwind without a twin and with it."""
    names = [cluster.create(shelf[0]), cluster.create(twins)]
    opened = [
        Database(make_engine(cluster.url_of(name), as_role=False), defer_job, secret=SECRET) for name in names
    ]
    yield opened[0], opened[1]
    for name, database in zip(names, opened, strict=True):
        database.close()
        cluster.drop(name)


@pytest.fixture
def things(shelf: tuple[str, Things]) -> Things:
    return shelf[1]


@pytest.fixture
def database_url(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[str]:
    """As everybody's; for those that ask for the things, the database that has them."""
    has_things = "things" in request.fixturenames
    name = cluster.create(request.getfixturevalue("shelf")[0] if has_things else "")
    yield cluster.url_of(name)
    cluster.drop(name)


def _made(database: Database, acts: Acts, imports: Imports, cast: Cast, now: datetime) -> Things:
    till, acme, ada = Till(acts, cast), cast.customers["acme"], cast.ada
    acts(ada, brand.set_logo, png=b"a picture")
    card, invoice, paid, lost = till.card(), till.invoice(), till.invoice(), till.invoice()
    asked(database, cast, now)
    enter_address(database, now, email="zed@acme.example")
    logo = acts.owner.scalar(text("select name from partner_logo"))
    tokens = {"access": mailed_link(database, cast), "logo": logo}
    gone = acts(ada, customers.create, fields=CustomerInput(**ACME)).customer
    archived = acts(ada, customer_bulk.archive, customer_ids=[gone.id])
    opening = Opening(ThreadKind.DISPUTE, "?")
    thread, settled = (
        acts(cast.carl, invoice_threads.open_thread, invoice_id=one.id, fields=opening)
        for one in (invoice, paid)
    )
    acts(cast.carl, invoice_threads.resolve, thread_id=settled.id)
    draft = bill(acts, cast)
    order = ordered(acts, cast, draft)
    planned = acts(ada, invoices.create_draft, customer_id=acme, fields=one_line(500))
    acts(ada, invoice_scheduling.schedule, invoice_id=planned.id, send_on=now.date() + timedelta(days=3))
    plain = acts(ada, invoices.create_draft, customer_id=acme, fields=one_line(700))
    acts(ada, invoice_sending.send, invoice_id=invoice.id)
    acts(ada, invoice_life.write_off, invoice_id=lost.id, reason=None)
    invited, bob = (acts(ada, customer_users.invite, customer_id=acme, **one) for one in (ANN, BOB))
    label = TagInput(name="VIP", colour="#1f6feb")
    ours, carls = (acts(who, tags.create, fields=label).id for who in (ada, cast.carl))
    for who, tag in ((ada, ours), (cast.carl, carls)):
        acts(who, tags.tag_invoices, tag_ids=[tag], invoice_ids=[invoice.id])
    acts(ada, tags.tag_customers, tag_ids=[ours], customer_ids=[acme])
    under_way = Many(Noun.CUSTOMERS, What.TAG, (ours,))
    act = acts(ada, long_acts.begin, asked=under_way, record_ids=[acme])
    asks = text("select id from invoice_thread_message where thread_id = :id")
    message = acts.owner.scalar(asks, {"id": thread.id})
    link = acts(ada, pay_links.create, invoice_id=invoice.id)
    view = ViewInput.read({"name": "Late", "is_shared": True})
    head = "Invoice number,Company,ZIP,Description,Quantity,Unit price"
    bills = InvoiceImports(database, ada, now).check("S-1,Acme,62701,Work,1,1.00", head=head)
    ids = {
        "card": card.id, "invoice": invoice.id, "draft": draft.id, "acme": acme, "thread": thread.id,
        "payment": till.paid(card, (paid.id, 10_000)).id, "waiting": till.begin(card, (invoice.id, 100)).id,
        "check": till.received(invoice).id, "archiving": archived.archiving_id, "import": imports.check(BLUE),
        "note": acts(ada, customer_notes.add, customer_id=acme, text="Mind the dog").id,
        "invited": invited.id, "bob": bob.id, "theirs": acts(cast.gus, tags.create, fields=label).id,
        "petra": cast.petra.id, "vera": cast.vera.id, "clem": cast.clem.id, "sue": cast.sue.id,
        "plain": plain.id, "planned": planned.id, "lost": lost.id, "paid": paid.id, "order": order.id,
        "bills": bills, "act": act.id,
        "ours": ours, "carls": carls, "link": link.link.id, "message": message,
        "view": acts(ada, customer_views.create, fields=view).id, **_offered(acts, cast), **_credit(till),
    }  # fmt: skip
    tokens["pay"] = link.token
    ids["session"] = start_session(database, ada.user_id, now).session_id
    for change in _ALIKE.format(**ids).split(";"):
        acts.owner.execute(text("set session_replication_role = replica"))
        acts.owner.execute(text(change))
    return Things(cast, now, ids, acts(ada, customers.locked, customer_id=acme), order, invoice, tokens)


def _offered(acts: Acts, cast: Cast) -> dict[str, UUID]:
    """A product with a tax, and a tax that it does not have."""
    gst, qst = (
        acts(cast.ada, tax_rates.create, fields=TaxRateInput(name=name, rate=rate)).id
        for name, rate in (("GST", "5"), ("QST", "9.975"))
    )
    hour = CatalogueInput(name="Hour", usd_price="150.00")
    item = acts(cast.ada, catalogue.create, fields=hour, tax_rate_ids=[gst])
    return {"gst": gst, "qst": qst, "item": item.id}


def _credit(till: Till) -> dict[str, UUID]:
    """An archived invoice that is credited whole; and credit of Acme's, a part of it applied."""
    whole, kept, other = till.invoice(500), till.invoice(1_000), till.invoice(100)
    till.received(kept, "10.00")
    note = credited(till, whole, key="n1")
    part(till, kept, "3.00", key="n2")
    put_away = till.acts(till.cast.ada, invoice_archiving.archive, invoice_ids=[whole.id])
    return {
        "whole": whole.id, "other": other.id, "credit_note": note.id, "put_away": put_away.archiving_id,
        "applied": applied(till, other, "1.00", key="a1", who="ada").id,
    }  # fmt: skip
