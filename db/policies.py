"""Row-level security: each table names its guard beside its columns, and the guard's SQL is made here.

A guard reads settings that the door's transaction sets: `remit.partner`, `remit.customer`, `remit.user`,
`remit.member`, and for a guest `remit.invoice` and `remit.billed`. None of them set means no row.
Surprise: `current_setting` gives '' (not NULL) once a setting was ever set in the connection, and
`''::uuid` raises, hence the `nullif`.
"""

from collections.abc import Iterator
from enum import StrEnum

from sqlalchemy import MetaData, Table

PARTNER = "nullif(current_setting('remit.partner', true), '')::uuid"
CUSTOMER = "nullif(current_setting('remit.customer', true), '')::uuid"
USER = "nullif(current_setting('remit.user', true), '')::uuid"
MEMBER = "nullif(current_setting('remit.member', true), '')::uuid"
# A guest behind a pay link reads one invoice and whom it is billed to, and has no customer's rights.
INVOICE = "nullif(current_setting('remit.invoice', true), '')::uuid"
BILLED = "nullif(current_setting('remit.billed', true), '')::uuid"
# A sub-select is asked once a statement, not once a row, and the database takes it to be true for half the
# rows. Without it, it counts on 1 row of 200, and then sorts a list instead of following an index.
_FOR_STAFF = "(select nullif(current_setting('remit.customer', true), '') is null)"

APP, OWNER, LOOKUP = "remit_app", "remit_owner", "remit_lookup"


class Guard(StrEnum):
    """Whose rows a transaction sees and may write."""

    PARTNER_ROW = "partner_row"  # the partner's own row, by its id
    TENANT = "tenant"  # the partner's rows that its customers' users need too
    CUSTOMER_ROW = "customer_row"  # the customer's own row, by its id
    CUSTOMER = "customer"  # rows that belong to one customer; its users see them
    STAFF = "staff"  # the partner's own rows; no customer user sees them
    SHARED = "shared"  # like STAFF, but what is not shared is there for the member alone who made it
    MEMBER = "member"  # like CUSTOMER, of both sides, and each is one member's alone
    OWN = "own"  # rows owned by the partner or by one customer, each sees only its own
    ISSUED = "issued"  # like CUSTOMER, but a customer never sees a draft
    ISSUED_CHILD = "issued_child"  # rows under an invoice, hidden while it is a draft
    MEMBERSHIP = "membership"  # like CUSTOMER, and a person reads its own memberships anywhere
    USER_ROW = "user_row"  # the person's own row, by its id
    PERSONAL = "personal"  # rows of one person
    GLOBAL = "global"  # no row of it is readable by the app role: only through functions


_TENANT = f"partner_id = {PARTNER}"
_MINE = f"({_FOR_STAFF} or customer_id = {CUSTOMER})"

CONDITIONS: dict[Guard, str] = {
    Guard.PARTNER_ROW: f"id = {PARTNER}",
    Guard.TENANT: _TENANT,
    Guard.CUSTOMER_ROW: f"{_TENANT} and ({_FOR_STAFF} or id = {CUSTOMER})",
    Guard.CUSTOMER: f"{_TENANT} and {_MINE}",
    Guard.STAFF: f"{_TENANT} and {_FOR_STAFF}",
    Guard.SHARED: f"{_TENANT} and {_FOR_STAFF} and (is_shared or created_by = {MEMBER})",
    Guard.MEMBER: f"{_TENANT} and {_MINE} and member_id = {MEMBER}",
    Guard.OWN: f"{_TENANT} and case when {_FOR_STAFF} then owner_id is null else owner_id = {CUSTOMER} end",
    Guard.ISSUED: f"{_TENANT} and ({_FOR_STAFF} or (customer_id = {CUSTOMER} and status <> 'DRAFT'))",
    Guard.ISSUED_CHILD: f"{_TENANT} and ({_FOR_STAFF} or (customer_id = {CUSTOMER} and issued))",
    Guard.MEMBERSHIP: f"{_TENANT} and {_MINE}",
    Guard.USER_ROW: f"id = {USER}",
    Guard.PERSONAL: f"user_id = {USER}",
    Guard.GLOBAL: "false",
}

# What a guest reads beside that. It stands inside the tenant's condition, which indexes go on serving.
_GUEST: dict[Guard, str] = {
    Guard.CUSTOMER_ROW: f"{_TENANT} and ({_FOR_STAFF} or id = {CUSTOMER} or id = {BILLED})",
    Guard.ISSUED: (
        f"{_TENANT} and"
        f" ({_FOR_STAFF} or ((customer_id = {CUSTOMER} or id = {INVOICE}) and status <> 'DRAFT'))"
    ),
    Guard.ISSUED_CHILD: (
        f"{_TENANT} and ({_FOR_STAFF} or ((customer_id = {CUSTOMER} or invoice_id = {INVOICE}) and issued))"
    ),
}

_ANY = "true"
# What a guest who pays may write, by table and command. In every other table, and of all else, nothing.
_GUEST_WRITES: dict[str, dict[str, str]] = {
    "customer": {"update": f"id = {CUSTOMER}"},
    "invoice": {"update": f"id = {INVOICE}"},
    "payment": dict.fromkeys(("insert", "update"), "asked_by_kind = 'GUEST'"),
    "payment_allocation": dict.fromkeys(("insert", "update"), f"invoice_id = {INVOICE}"),
    # The card is for this once: it is never on file.
    "payment_method": {"insert": "removed_at is not null"},
    "payment_method_setup": dict.fromkeys(("insert", "update"), "pay_link_id is not null"),
    "ledger_entry": {"insert": _ANY},
    "ledger_posting": {"insert": _ANY},
    "audit_event": {"insert": _ANY},
    "mail": {"insert": _ANY},
    # The words by which others find the payment.
    "search_token": {"insert": "kind = 'payment'"},
}
# No tenant alone leads to their rows.
_PERSONAL = frozenset({Guard.USER_ROW, Guard.PERSONAL, Guard.GLOBAL})
_NO_GUEST = f"(select {INVOICE} is null)"

# What may be read beside that. A `case` is nothing that an index is asked by: with a bare comparison, a list
# of users is two bitmaps, the partner's and the person's, and sorted. Whoever reads by person says so.
_READ_ALSO: dict[Guard, str] = {
    Guard.MEMBERSHIP: (
        "case when (select nullif(current_setting('remit.user', true), '') is null) then false"
        f" else user_id = {USER} end"
    )
}


def guarded(guard: Guard, *, append_only: bool = False) -> dict[str, dict[str, object]]:
    """What a table puts last into `__table_args__`: its guard, and whether rows may ever change."""
    return {"info": {"guard": guard, "append_only": append_only}}


def guard_of(table: Table) -> Guard:
    """The table's guard. A table without one is a programming error: there is no unguarded table."""
    guard = table.info.get("guard")
    if not isinstance(guard, Guard):
        raise LookupError(f"table {table.name} names no guard")
    return guard


def protect(table: Table) -> Iterator[str]:
    """The statements that put `table` behind its guard and give the app role what it needs of it."""
    guard = guard_of(table)
    name = table.name
    yield f"alter table {name} enable row level security"
    yield f"alter table {name} force row level security"
    if guard is Guard.GLOBAL:
        return
    condition = CONDITIONS[guard]
    seen = _GUEST.get(guard, condition)
    yield f"create policy tenant on {name} to {APP} using ({seen}) with check ({condition})"
    if guard in _READ_ALSO:
        yield f"create policy own on {name} for select to {APP} using ({_READ_ALSO[guard]})"
    rights = "select, insert" if table.info.get("append_only") else "select, insert, update, delete"
    yield f"grant {rights} on {name} to {APP}"
    if guard not in _PERSONAL:
        yield from _walls(table)


def _walls(table: Table) -> Iterator[str]:
    """Policies on writing alone, so that no list is planned otherwise for them."""
    commands = ("insert",) if table.info.get("append_only") else ("insert", "update", "delete")
    for command in commands:
        allowed = _GUEST_WRITES.get(table.name, {}).get(command)
        if allowed == _ANY:
            continue
        condition = _NO_GUEST if allowed is None else f"{_NO_GUEST} or {allowed}"
        clause = f"with check ({condition})" if command == "insert" else f"using ({condition})"
        yield (
            f"create policy guest_{command} on {table.name} as restrictive for {command} to {APP} {clause}"
        )


def protect_all(metadata: MetaData) -> Iterator[str]:
    """`protect` for every table, in dependency order."""
    for table in metadata.sorted_tables:
        yield from protect(table)
