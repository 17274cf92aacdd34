"""What is typed about a customer and its users, checked: every wrong field at once.

Surprise: the address is checked as a whole. Whoever changes only the country is told that the state no
longer fits, because the fields that were not given are taken from what is stored.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import available_timezones

from auth.emails import Email
from auth.memberships import CUSTOMER_ROLES, Membership, Role
from billing.addresses import Country, read_address
from billing.inputs import Input
from billing.money import Currency
from billing.tax_ids import TaxId, parse_tax_id
from billing.texts import Checks, Path
from errors import Problem
from languages import Locale, known, say

ADDRESS_FIELDS = ("address", "address2", "city", "state", "postal_code", "country")
MOST_USERS = 50
LONGEST_TERMS = 365
LONGEST_COMPANY = 200
_HOME_CURRENCY = {Country.US: Currency.USD, Country.CA: Currency.CAD}


class CustomerInput(Input):
    """A company: the fields of the form, and what more a customer has. Texts as typed.

    For a change, what is not given stays as it is, and an optional field given as empty is cleared.
    """

    company: str | None = None
    legal_name: str | None = None
    tax_id: str | None = None
    address: str | None = None
    address2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    currency: str | None = None
    time_zone: str | None = None
    terms_days: int | str | None = None
    external_id: str | None = None


class UserInput(Input):
    """A person to invite. `role` empty: the first user becomes a Manager, later ones Payers. `locale` empty:
    mails to them are in the partner's language.
    """

    name: str | None = None
    email: str | None = None
    role: str | None = None
    locale: str | None = None


class Profile(NamedTuple):
    """Checked values by column, and the warnings that keep nobody from saving."""

    values: dict[str, Any]
    warnings: tuple[Problem, ...]


class Invitee(NamedTuple):
    """A checked person to invite; `path` is where it was typed."""

    name: str
    email: Email
    role: Role
    path: Path
    locale: Locale | None = None


class Person(NamedTuple):
    """What was said of somebody who was invited, checked."""

    name: str
    email: Email
    locale: Locale | None


def key_of(text: str) -> str:
    """The form in which names are compared and sorted: NFKC and case folded, however it was typed."""
    if text.isascii():
        return text.lower()
    folded = text
    for _ in range(2):  # folding once can leave characters that NFKC changes again
        folded = unicodedata.normalize("NFKC", folded).casefold()
    return unicodedata.normalize("NFKC", folded)


def read_profile(checks: Checks, fields: CustomerInput, before: Mapping[str, Any] | None = None) -> Profile:
    """The columns to write, noting every problem in `checks`; use nothing of it before `checks.done()`.

    `before` is what is stored, None for a new customer: then every field is read, else only those given.
    Codes: those of read_address and parse_tax_id, UNKNOWN_CURRENCY, UNKNOWN_TIME_ZONE, BAD_TERMS.
    """
    new = before is None
    values: dict[str, Any] = {}
    if new or fields.gives("company"):
        company = checks.line(
            "company", fields.company, required=True, limit=LONGEST_COMPANY, name="company name"
        )
        values.update(company=company, company_key=key_of(company))
    if new or fields.gives("legal_name"):
        values["legal_name"] = checks.line("legal_name", fields.legal_name, required=False, limit=200)
    country = _address(checks, fields, before, values)
    warnings = _tax_id(checks, fields, before, country, values)
    if new or fields.gives("currency"):
        values["currency"] = read_currency(checks, fields.currency, country if new else None)
    if new or fields.gives("time_zone"):
        values["time_zone"] = read_time_zone(checks, fields.time_zone)
    if new or fields.gives("terms_days"):
        values["terms_days"] = read_terms(checks, fields.terms_days)
    if new or fields.gives("external_id"):
        values["external_id"] = checks.line(
            "external_id", fields.external_id, required=False, limit=100, name="external id"
        )
    return Profile(values, warnings)


def read_users(checks: Checks, users: Sequence[UserInput], *, first: bool) -> tuple[Invitee, ...]:
    """The people to invite, problems noted under ("users", row, field). Rows left empty are passed over.

    `first` says that they are the customer's first: the first row is then a Manager unless it says otherwise,
    and one of them must be. Codes: REQUIRED, TOO_MANY, DUPLICATE, UNKNOWN_ROLE, NO_MANAGER, and an e-mail's.
    """
    if len(users) > MOST_USERS:
        checks.refuse(
            "users",
            code="TOO_MANY",
            message=say("Add at most {most_users} users at once.", most_users=MOST_USERS),
        )
        return ()
    invitees: list[Invitee] = []
    rows: dict[str, int] = {}
    for row, user in enumerate(users):
        if not (user.name or "").strip() and not (user.email or "").strip():
            continue
        here = checks.under("users", row)
        otherwise = Role.MANAGER if first and not invitees else Role.PAYER
        invitees.append(read_user(here, user, otherwise=otherwise))
        earlier = rows.setdefault(invitees[-1].email.normal, row)
        if earlier != row and invitees[-1].email.normal:
            message = say("This address is also in row {row}. Remove one of the two.", row=earlier + 1)
            here.refuse("email", code="DUPLICATE", message=message)
    if first and not invitees:
        checks.refuse("users", code="REQUIRED", message="Add at least one user.")
    elif first and all(invitee.role is not Role.MANAGER for invitee in invitees):
        message = "Make at least one of the users a Manager: somebody must be able to manage the others."
        checks.refuse("users", code="NO_MANAGER", message=message)
    return tuple(invitees)


def read_user(checks: Checks, user: UserInput, *, otherwise: Role) -> Invitee:
    """One person to invite; `otherwise` is the role when none is given."""
    return Invitee(
        checks.line("name", user.name, required=True, limit=100),
        checks.email("email", user.email),
        read_role(checks, user.role, otherwise=otherwise),
        checks.path,
        read_locale(checks, user.locale),
    )


def read_person(member: Membership, name: str | None, email: str | None, locale: str | None) -> Person:
    """The corrected name, address and language of an invited user; None stays. Refuses Invalid at all at
    once. An empty language is the partner's.
    """
    checks = Checks()
    person = Person(
        checks.line("name", member.name if name is None else name, required=True, limit=100),
        checks.email("email", member.email if email is None else email),
        read_locale(checks, member.locale if locale is None else locale),
    )
    checks.done()
    return person


def read_role(checks: Checks, text: str | None, *, otherwise: Role | None = None) -> Role:
    """A customer user's role by its name; a partner's roles can't be given here (GUARANTEES A-5)."""
    written = (text or "").strip().upper()
    if not written and otherwise is not None:
        return otherwise
    if written in CUSTOMER_ROLES:
        return Role(written)
    checks.refuse("role", code="UNKNOWN_ROLE", message="Choose Manager, Payer or Viewer as the role.")
    return Role.VIEWER


def read_currency(checks: Checks, text: str | None, country: Country | None) -> Currency:
    """USD or CAD; left empty, the currency of `country`."""
    written = (text or "").strip().upper()
    if not written and country is not None:
        return _HOME_CURRENCY[country]
    if written in Currency.__members__:
        return Currency(written)
    checks.refuse("currency", code="UNKNOWN_CURRENCY", message="Choose USD or CAD as the currency.")
    return Currency.USD


def read_locale(checks: Checks, text: str | None) -> Locale | None:
    """A language of mails and pages, `en` or `fr`; None for none. Refuses UNKNOWN_LANGUAGE."""
    written = (text or "").strip().lower()
    locale = known(written)
    if written and locale is None:
        message = "Choose one of the languages: en (English) or fr (French)."
        checks.refuse("locale", code="UNKNOWN_LANGUAGE", message=message)
    return locale


def read_time_zone(checks: Checks, text: str | None) -> str | None:
    """A name of the time zone database; None when left empty."""
    written = (text or "").strip()
    if written and written not in _time_zones():
        message = "Choose a time zone from the list, like America/New_York."
        checks.refuse("time_zone", code="UNKNOWN_TIME_ZONE", message=message)
        return None
    return written or None


def read_terms(checks: Checks, typed: int | str | None, field: str = "terms_days") -> int | None:
    """Payment terms in days after the issue date, 0 to 365; None when left empty."""
    if typed is None or (isinstance(typed, str) and not typed.strip()):
        return None
    if isinstance(typed, str):
        written = typed.strip()
        # Three digits at most: turning a long text into a number is work nobody asked for.
        typed = int(written) if written.isascii() and written.isdigit() and len(written) <= 3 else -1
    if 0 <= typed <= LONGEST_TERMS:
        return typed
    message = say(
        "Enter the payment terms as whole days, from 0 to {longest_terms}.", longest_terms=LONGEST_TERMS
    )
    checks.refuse(field, code="BAD_TERMS", message=message)
    return None


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _address(
    checks: Checks, fields: CustomerInput, before: Mapping[str, Any] | None, values: dict[str, Any]
) -> Country:
    if before is not None and not fields.gives(*ADDRESS_FIELDS):
        return Country(before["country"])
    typed = {
        name: getattr(fields, name) if before is None or fields.gives(name) else before[name]
        for name in ADDRESS_FIELDS
    }
    address = read_address(checks, typed)
    values.update({name: getattr(address, name) for name in ADDRESS_FIELDS})
    return address.country


def _tax_id(
    checks: Checks,
    fields: CustomerInput,
    before: Mapping[str, Any] | None,
    country: Country,
    values: dict[str, Any],
) -> tuple[Problem, ...]:
    if before is not None and not fields.gives("tax_id", "country"):
        return ()
    typed = before["tax_id"] if before is not None and not fields.gives("tax_id") else fields.tax_id
    tax_id: TaxId | None = checks.read("tax_id", parse_tax_id, typed, country, otherwise=None, required=False)
    values["tax_id"] = tax_id.digits if tax_id else None
    return tax_id.warnings if tax_id else ()
