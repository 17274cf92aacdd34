"""Finding payments: sorted, and by words.

Surprise: the words of the payments there are so far are made here, by what `billing.search` did when this was
written: a migration never changes with the code.
"""

import re
import unicodedata
from pathlib import Path

from alembic import op
from psycopg import Connection

from db.migrations.running import run, run_as_owner

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

LONGEST_WORD = 64
APART = re.compile(r"[\W_]+")
PAYMENTS = (
    "select p.partner_id, p.id, p.customer_id, 'payment', c.company, m.brand, m.last4,"
    " array_to_string(array(select i.number from payment_allocation a join invoice i"
    " on (i.partner_id, i.id) = (a.partner_id, a.invoice_id)"
    " where (a.partner_id, a.payment_id) = (p.partner_id, p.id)), ' ') from payment p"
    " join customer c on (c.partner_id, c.id) = (p.partner_id, p.customer_id)"
    " join payment_method m on (m.partner_id, m.id) = (p.partner_id, p.payment_method_id)"
    " where p.partner_id = %s"
)
OUTSIDE = (
    "select p.partner_id, p.id, p.customer_id, 'outside_payment', c.company, i.number,"
    " coalesce(p.reference, '') from outside_payment p"
    " join customer c on (c.partner_id, c.id) = (p.partner_id, p.customer_id)"
    " join invoice i on (i.partner_id, i.id) = (p.partner_id, p.invoice_id) where p.partner_id = %s"
)
WORD = (
    "insert into search_token (partner_id, subject_id, kind, token, customer_id)"
    " values (%s, %s, %s, %s, %s) on conflict do nothing"
)


def upgrade() -> None:
    run_as_owner(Path(__file__).with_suffix(".sql"))
    driver: Connection[tuple[object, ...]] = op.get_bind().connection.driver_connection  # type: ignore[assignment]
    partners = driver.execute("select partner_ids()").fetchall()
    # The guards let only the app role through, and it into one partner at a time; the owner sees nothing.
    run("set local role remit_app")
    for (partner_id,) in partners:
        driver.execute("select set_config('remit.partner', %s, true)", (str(partner_id),))
        found = [
            row for query in (PAYMENTS, OUTSIDE) for row in driver.execute(query, (partner_id,)).fetchall()
        ]
        rows = [
            (partner, payment, kind, word, customer)
            for partner, payment, customer, kind, *texts in found
            for word in sorted(words(*map(str, texts)))
        ]
        with driver.cursor() as cursor:
            cursor.executemany(WORD, rows)
    driver.execute("select set_config('remit.partner', '', true)")
    run("reset role")


def words(*texts: str) -> set[str]:
    """The words a record with these texts is found by, each alone and joined as it is written."""
    kept: set[str] = set()
    for text in texts:
        for chunk in folded(text).split():
            parts = [part for part in APART.split(chunk) if part]
            kept.update(part[:LONGEST_WORD] for part in parts)
            if len(parts) > 1:
                kept.add("".join(parts)[:LONGEST_WORD])
    return kept


def folded(text: str) -> str:
    """Without case, accents and compatibility forms."""
    bare = text
    for _ in range(2):
        apart = unicodedata.normalize("NFKD", bare).casefold()
        bare = "".join(char for char in apart if not unicodedata.combining(char))
    return unicodedata.normalize("NFKC", bare)
