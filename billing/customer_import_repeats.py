"""Rows of one file that are about the same customer: the first is the one, the others are refused.

Surprise: they are looked for once, when all rows are checked. Asking row by row whether an earlier one has
the same mark took longer than everything else of the check together.
"""

import orjson
from sqlalchemy import text
from sqlmodel import Session

from billing.customer_import_tables import CustomerImport
from billing.import_files import told
from billing.import_tables import RowOutcome
from errors import Problem
from languages import say

_PART = 2000
_SHARED = text("""
    select one.mark from customer_import_row r cross join lateral unnest(r.marks) as one(mark)
    where r.partner_id = :partner_id and r.import_id = :import_id
    group by one.mark having count(*) > 1
""")
_SHARING = text("""
    select position, outcome, marks, users from customer_import_row
    where partner_id = :partner_id and import_id = :import_id and position > :after and marks && :shared
    order by position limit :most
""")
_REFUSED = text("""
    update customer_import_row r
    set outcome = 'REFUSED', customer_id = null, made = null, words = '{}', marks = '{}', users = 0,
        problems = one.problems
    from jsonb_to_recordset(cast(:changes as jsonb)) as one(position int, problems jsonb)
    where r.partner_id = :partner_id and r.import_id = :import_id and r.position = one.position
""")


def refuse_repeats(db: Session, begun: CustomerImport) -> None:
    """Refuse each row that is about an earlier row's customer; a refused row claims nothing."""
    mine = {"partner_id": begun.partner_id, "import_id": begun.id}
    shared = list(db.scalars(_SHARED, mine))
    first: dict[str, int] = {}
    after = 0
    while shared:
        rows = db.execute(_SHARING, {**mine, "shared": shared, "after": after, "most": _PART}).all()
        if not rows:
            return
        changes = []
        for row in rows:
            earlier = next((first[mark] for mark in row.marks if mark in first), None)
            if earlier is None:
                first |= dict.fromkeys(row.marks, row.position)
                continue
            name = RowOutcome(row.outcome).lower()
            setattr(begun, name, getattr(begun, name) - 1)
            begun.refused += 1
            begun.users_added -= row.users
            message = say(
                "Row {first} of this file is about the same customer. Leave one of the two.", first=earlier
            )
            problems = told([Problem("REPEATED", ("row",), message)])
            changes.append({"position": row.position, "problems": problems})
        db.execute(_REFUSED, {**mine, "changes": orjson.dumps(changes).decode()})
        after = rows[-1].position
