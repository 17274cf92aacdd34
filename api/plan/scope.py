"""Whose rows: the predicate that every table in every statement carries, by the guard its model names.

Row-level security says the same again in the database, in words of its own (`db/policies.py`). The surprise:
an expression of `billing.derived` brings tables along; each of them must be tied to the partner (and for
customer users to the customer) by the expression itself, or there is no plan (`Unscoped`).
"""

import re
from collections.abc import Callable

from sqlalchemy import Table

from db.policies import Guard, guard_of


class Unscoped(Exception):
    """A table would be read without saying whose rows. A bug in a declaration; nothing was sent to the
    database.
    """


Scope = Callable[[str, str, str], str]
"""The predicate for an alias, the partner's parameter, and the customer's or (for staff) the member's."""

_STAFF: dict[Guard, Scope] = {
    Guard.PARTNER_ROW: lambda t, partner, _: f"{t}.id = {partner}",
    Guard.TENANT: lambda t, partner, _: f"{t}.partner_id = {partner}",
    Guard.CUSTOMER_ROW: lambda t, partner, _: f"{t}.partner_id = {partner}",
    Guard.CUSTOMER: lambda t, partner, _: f"{t}.partner_id = {partner}",
    Guard.STAFF: lambda t, partner, _: f"{t}.partner_id = {partner}",
    Guard.SHARED: lambda t, partner, member: (
        f"{t}.partner_id = {partner} and ({t}.is_shared or {t}.created_by = {member})"
    ),
    Guard.OWN: lambda t, partner, _: f"{t}.partner_id = {partner} and {t}.owner_id is null",
    Guard.ISSUED: lambda t, partner, _: f"{t}.partner_id = {partner}",
    Guard.ISSUED_CHILD: lambda t, partner, _: f"{t}.partner_id = {partner}",
    Guard.MEMBERSHIP: lambda t, partner, _: f"{t}.partner_id = {partner}",
    Guard.MEMBER: lambda t, partner, _: f"{t}.partner_id = {partner}",
}
_CUSTOMER: dict[Guard, Scope] = {
    Guard.PARTNER_ROW: lambda t, partner, _: f"{t}.id = {partner}",
    Guard.TENANT: lambda t, partner, _: f"{t}.partner_id = {partner}",
    Guard.CUSTOMER_ROW: lambda t, partner, own: f"{t}.partner_id = {partner} and {t}.id = {own}",
    Guard.CUSTOMER: lambda t, partner, own: f"{t}.partner_id = {partner} and {t}.customer_id = {own}",
    Guard.OWN: lambda t, partner, own: f"{t}.partner_id = {partner} and {t}.owner_id = {own}",
    Guard.ISSUED: lambda t, partner, own: (
        f"{t}.partner_id = {partner} and {t}.customer_id = {own} and {t}.status <> 'DRAFT'"
    ),
    Guard.ISSUED_CHILD: lambda t, partner, own: (
        f"{t}.partner_id = {partner} and {t}.customer_id = {own} and {t}.issued"
    ),
    Guard.MEMBERSHIP: lambda t, partner, own: f"{t}.partner_id = {partner} and {t}.customer_id = {own}",
    Guard.MEMBER: lambda t, partner, own: f"{t}.partner_id = {partner} and {t}.customer_id = {own}",
}


def scope(table: Table, alias: str, *, partner: str, customer: str | None, member: str) -> str:
    """The predicate that keeps `alias` to one partner's rows, for a customer's actor to one customer's.

    Of what is not shared, it keeps to what is the member's; of what is a member's alone, for both sides.
    """
    known = _STAFF if customer is None else _CUSTOMER
    guard = guard_of(table)
    if guard not in known:
        raise Unscoped(f"{table.name}: rows guarded as {guard} are not read for this side")
    made = known[guard](alias, partner, customer or member)
    return f"{made} and {alias}.member_id = {member}" if guard is Guard.MEMBER else made


_ALIASED = re.compile(r"\b(?:from|join)\s+([a-z_]+)(?:\s+as)?\s+([a-z_]\w*)", re.IGNORECASE)
_BARE = re.compile(
    r"\b(?:from|join)\s+([a-z_]+)(?=\s+(?:where|join|on|order|limit)\b|\s*[,)]|\s*$)", re.IGNORECASE
)
_WORDS = frozenset({"where", "join", "on", "order", "limit", "as", "lateral"})


def assert_scoped(statement: str) -> None:
    """Refuse (`Unscoped`) a statement that reads a table without tying it to a partner."""
    for table, alias in tables_in(statement):
        column = r"\.id" if table == "partner" else r"\.partner_id"
        if not re.search(rf"\b{alias}{column}\s*=", statement):
            raise Unscoped(f"{table} ({alias}) is read without a partner")


def tables_in(statement: str) -> list[tuple[str, str]]:
    """Every table a statement reads, with the alias it goes by."""
    found = [(table, alias) for table, alias in _ALIASED.findall(statement) if alias.lower() not in _WORDS]
    return found + [(table, table) for table in _BARE.findall(statement)]
