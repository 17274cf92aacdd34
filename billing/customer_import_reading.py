"""A row of an import read: its fields by the rules of page and API, and which customer it is about.

Surprise: a row is read as a new customer's first, whatever becomes of it: what it is known by (its marks)
comes from there, and only then is looked up whose it is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlmodel import Session, col, select

from billing.addresses import Country
from billing.customer_fields import CustomerInput, Profile, UserInput, read_profile
from billing.customer_import_tables import CustomerImport
from billing.customer_import_users import users_in
from billing.customer_imports import CUSTOMER_FIELDS, FIELDS
from billing.customers import Customer, CustomerStatus
from billing.import_files import given_in
from billing.texts import Checks
from db.arrays import any_of
from errors import Invalid, Problem
from languages import say

Matches = Mapping[str, Sequence[Customer]]


class Row(NamedTuple):
    """What a row says, that read as a new customer's, and the marks it is known by."""

    position: int
    cells: Sequence[str]
    fields: CustomerInput
    profile: Profile
    problems: tuple[Problem, ...]
    marks: tuple[str, ...]
    users: tuple[UserInput, ...]


def read_row(begun: CustomerImport, position: int, cells: Sequence[str]) -> Row:
    """What the row gives: blank cells are not given, so they never overwrite anything."""
    given = given_in(begun.fields, cells, FIELDS)
    users = users_in(given)
    fields, checks = (
        CustomerInput(**{name: given[name] for name in given if name in CUSTOMER_FIELDS}),
        Checks(),
    )
    profile = read_profile(checks, fields)
    problems = tuple(checks.problems)
    return Row(position, cells, fields, profile, problems, _marks(profile.values, problems), users)


def matches_of(db: Session, partner_id: UUID, marks: Iterable[str]) -> Matches:
    """The partner's customers by each of the marks, three look-ups for all of them."""
    asked: dict[str, set[str]] = defaultdict(set)
    for mark in marks:
        # The name is what stands behind country and postal code; it may have colons of its own.
        asked[mark[0]].add(mark.split(":", 3)[3] if mark[0] == "p" else mark[2:])
    named = asked["n"]
    found: dict[str, dict[UUID, Customer]] = defaultdict(dict)
    for column, values in (
        (Customer.external_id, asked["x"]), (Customer.tax_id, asked["t"]),
        (Customer.company_key, asked["p"] | named),
    ):  # fmt: skip
        if not values:
            continue
        wanted = select(Customer).where(Customer.partner_id == partner_id, col(column) == any_of(values))
        for one in db.exec(wanted.execution_options(populate_existing=True)):
            for mark in (
                f"x:{one.external_id}", f"t:{one.tax_id}",
                place_mark(one.company_key, one.country, one.postal_code),
            ):  # fmt: skip
                found[mark][one.id] = one
            if one.company_key in named and one.status is CustomerStatus.ACTIVE:
                found[name_mark(one.company_key)][one.id] = one
    return {mark: list(those.values()) for mark, those in found.items()}


def customer_of(marks: Sequence[str], matches: Matches) -> Customer | None:
    """The customer that a row is about: by external id, then tax id, then name and ZIP, then name alone.

    Refuses more than one, and one found by the weaker marks whose external id or tax id is another.
    """
    for mark in marks:
        found = matches.get(mark, ())
        if len(found) > 1 and mark[0] == "n":
            message = say(
                "{count} active customers have this name. Give the ZIP or postal code too, or the external"
                " id.",
                count=len(found),
            )
            raise Invalid.at("company", code="SEVERAL_MATCHES", message=message)
        if len(found) > 1:
            message = say(
                "{count} customers fit this row ({mark}). Give its external id.",
                count=len(found),
                mark=_spoken(mark),
            )
            raise Invalid.at("row", code="SEVERAL_MATCHES", message=message)
        if found:
            _require_no_other(marks, found[0], mark)
            return found[0]
    return None


def _require_no_other(marks: Sequence[str], customer: Customer, mark: str) -> None:
    known = {"x": customer.external_id, "t": customer.tax_id}
    for other in marks:
        has = known.get(other[0])
        stronger = marks.index(other) < marks.index(mark)
        if stronger and has is not None and other[2:] != has:
            message = say(
                "{company} fits this row ({mark}) and has another {other}. Check which of the two is right.",
                company=customer.company,
                mark=_spoken(mark),
                other=_spoken(other),
            )
            raise Invalid.at("row", code="OTHER_CUSTOMER", message=message)


def _spoken(found: str) -> str:
    named = {"x": say("external id"), "t": say("tax id"), "p": say("name and ZIP or postal code")}
    named["n"] = say("name")
    return named[found[0]]


def _marks(values: Mapping[str, Any], problems: Iterable[Problem]) -> tuple[str, ...]:
    """How the row's customer is known, strongest first; a field that is wrong is no mark."""
    wrong = {problem.path[0] for problem in problems}
    marks = []
    if values["external_id"]:
        marks.append(f"x:{values['external_id']}")
    if values["tax_id"] and "tax_id" not in wrong:
        marks.append(f"t:{values['tax_id']}")
    if not wrong & {"company", "postal_code", "country"}:
        marks.append(place_mark(values["company_key"], values["country"], values["postal_code"]))
    return tuple(marks)


def place_mark(company_key: str, country: Country, postal_code: str) -> str:
    """The mark of a name at a place. As for possible duplicates, a ZIP+4 is the same place as its ZIP."""
    return f"p:{country}:{postal_code[:5] if country is Country.US else postal_code}:{company_key}"


def name_mark(company_key: str) -> str:
    """The mark of a name alone, by which only a customer that is ACTIVE is found."""
    return f"n:{company_key}"
