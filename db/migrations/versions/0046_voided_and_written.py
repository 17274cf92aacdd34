"""Why an invoice was voided, and the mail that tells it; finding conversations by what was written in them.

Surprise: the words of the messages there are so far are made here, by what `billing.search` did when this was
written: a migration never changes with the code. Messages may be long, so they are read a few at a time.
"""

import re
import unicodedata
from pathlib import Path

from alembic import op
from psycopg import Connection

from db.migrations.running import choose_among, run, run_as_owner

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent
MAILS = (
    "INVITE", "INVITE_REMINDER", "INVOICE", "RECEIPT", "OUTSIDE_RECEIPT", "OUTSIDE_REVERSED",
    "PAYMENT_FAILED", "ACCESS_ASKED", "THREAD_REPLY", "PAY_LINK", "CREDIT_NOTE", "INVOICE_VOIDED",
)  # fmt: skip
LONGEST_WORD = 64
APART = re.compile(r"[\W_]+")
AT_ONCE = 500
MESSAGES = (
    "select partner_id, thread_id, customer_id, text, id from invoice_thread_message"
    " where partner_id = %s and id > %s order by id limit %s"
)
NONE = "00000000-0000-0000-0000-000000000000"
WORD = (
    "insert into search_token (partner_id, subject_id, kind, token, customer_id)"
    " values (%s, %s, 'invoice_thread', %s, %s) on conflict do nothing"
)
OF_INVOICES = (
    "insert into search_token (partner_id, subject_id, kind, token, customer_id)"
    " select t.partner_id, t.id, 'invoice_thread', w.token, t.customer_id from invoice_thread t"
    " join search_token w on (w.partner_id, w.subject_id, w.kind) = (t.partner_id, t.invoice_id, 'invoice')"
    " where t.partner_id = %s on conflict do nothing"
)


def upgrade() -> None:
    run_as_owner(HERE / "0046_voided_and_written.sql")
    run((HERE / "0046_voided_and_written_lookups.sql").read_text())
    choose_among("mail", "ck_mail_mailkind", "kind", MAILS)
    _keep_words()


def _keep_words() -> None:
    driver: Connection[tuple[object, ...]] = op.get_bind().connection.driver_connection  # type: ignore[assignment]
    partners = driver.execute("select partner_ids()").fetchall()
    # The guards let only the app role through, and it into one partner at a time; the owner sees nothing.
    run("set local role remit_app")
    for (partner_id,) in partners:
        driver.execute("select set_config('remit.partner', %s, true)", (str(partner_id),))
        driver.execute(OF_INVOICES, (partner_id,))
        last: object = NONE
        while found := driver.execute(MESSAGES, (partner_id, last, AT_ONCE)).fetchall():
            with driver.cursor() as cursor:
                cursor.executemany(
                    WORD,
                    [
                        (partner, thread, word, customer)
                        for partner, thread, customer, text, _ in found
                        for word in sorted(words(str(text)))
                    ],
                )
            last = found[-1][-1]
    driver.execute("select set_config('remit.partner', '', true)")
    run("reset role")


def words(text: str) -> set[str]:
    """The words a record with this text is found by, each alone and joined as it is written."""
    kept: set[str] = set()
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
