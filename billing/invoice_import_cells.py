"""Cells of a file of invoices that mean more than one thing: whom a row names, its discount, its taxes.

Surprise: a tax by name alone, or by percentage alone, is one of the partner's own tax rates. A name and a
percentage together ("GST 5%") say all there is, and need none.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session, col, select

from billing.addresses import Country, address_rules
from billing.customer_fields import key_of
from billing.customer_import_reading import name_mark, place_mark
from billing.import_formats import Reader, percent_in
from billing.invoice_fields import AmountInput, TaxInput
from billing.money import parse_rate, rate_text
from billing.tax_rates import TaxRate
from billing.texts import Checks
from languages import say

_ZIP = re.compile(address_rules(Country.US).postal_pattern)
_POSTAL_CODE = re.compile(address_rules(Country.CA).postal_pattern)
_TAX = re.compile(r"(?:(?P<name>.*\S)\s+)?\(?(?P<rate>[0-9]+(?:\.[0-9]+)?)\s*%\)?")
_BARE_RATE = re.compile(r"[0-9]+(?:\.[0-9]+)?")
# What a tax is called of which only the percentage is known.
UNNAMED_TAX = "Tax"


class Rates(NamedTuple):
    """The partner's tax rates that are not archived, by folded name and by rate."""

    by_name: Mapping[str, Sequence[TaxRate]]
    by_rate: Mapping[int, Sequence[TaxRate]]


def rates_of(db: Session, partner_id: UUID) -> Rates:
    """The partner's tax rates, one look-up for all rows."""
    wanted = select(TaxRate).where(
        TaxRate.partner_id == partner_id,
        col(TaxRate.owner_id).is_(None),
        col(TaxRate.archived_at).is_(None),
    )
    by_name: dict[str, list[TaxRate]] = defaultdict(list)
    by_rate: dict[int, list[TaxRate]] = defaultdict(list)
    for one in db.exec(wanted):
        by_name[one.name_key].append(one)
        by_rate[one.rate_e4].append(one)
    return Rates(by_name, by_rate)


def customer_marks(checks: Checks, given: Mapping[str, str]) -> tuple[str, ...]:
    """What the row's customer is known by, the strongest first, as imports of customers know it; and by its
    name alone where the row says no place.
    """
    marks = []
    if external_id := _line(given.get("customer_external_id")):
        marks.append(f"x:{external_id}")
    if written := _line(given.get("tax_id")):
        if digits := _tax_digits(written):
            marks.append(f"t:{digits}")
        else:
            message = "Write the EIN as XX-XXXXXXX, or the Business Number in nine digits."
            checks.refuse("tax_id", code="BAD_TAX_ID", message=message)
    company, postal_code = _line(given.get("company")), _line(given.get("postal_code"))
    if company and postal_code:
        if _ZIP.fullmatch(postal_code):
            marks.append(place_mark(key_of(company), Country.US, postal_code))
        elif _POSTAL_CODE.fullmatch(postal_code):
            bare = re.sub(r"[\s-]", "", postal_code).upper()
            marks.append(place_mark(key_of(company), Country.CA, f"{bare[:3]} {bare[3:]}"))
        else:
            message = "Write the ZIP code as 12345 or 12345-6789, or the postal code as A1A 1A1."
            checks.refuse("postal_code", code="BAD_ZIP", message=message)
    elif company:
        marks.append(name_mark(key_of(company)))
    return tuple(marks)


def discount_in(checks: Checks, reader: Reader, cell: str) -> dict[str, str | AmountInput | None]:
    """A discount as an amount, or with a percent sign in percent. Noted: as `Reader.number`."""
    written = cell.strip()
    if written.endswith("%"):
        return {"discount": None, "discount_percent": percent_in(written[:-1].strip()) or "%"}
    return {"discount": reader.number(checks, "discount", written), "discount_percent": None}


def taxes_in(checks: Checks, given: Mapping[str, str], rates: Rates) -> list[TaxInput]:
    """A row's taxes. Noted: UNKNOWN_TAX, SEVERAL_TAXES, and those of `parse_rate`."""
    found = (_tax(checks, field, given[field], rates) for field in ("tax", "tax_2") if field in given)
    return [tax for tax in found if tax is not None]


def _tax(checks: Checks, field: str, cell: str, rates: Rates) -> TaxInput | None:
    written = percent_in(" ".join(cell.split()))
    parts = _TAX.fullmatch(written)
    name, rate = (parts["name"], parts["rate"]) if parts else (written, None)
    if parts is None and _BARE_RATE.fullmatch(written):
        name, rate = None, written
    if name and rate:
        return TaxInput(name=name, rate=rate)
    if name:
        return _named(checks, field, name, rates.by_name.get(key_of(name), ()))
    rate_e4 = checks.read(field, parse_rate, rate, otherwise=None)
    if rate_e4 is None:
        return None
    of_it = rates.by_rate.get(rate_e4, ())
    if not rate_e4 and not of_it:
        return None  # nothing is no tax, and takes away what was there
    return TaxInput(name=of_it[0].name if len(of_it) == 1 else UNNAMED_TAX, rate=rate_text(rate_e4))


def _named(checks: Checks, field: str, name: str, found: Sequence[TaxRate]) -> TaxInput | None:
    if len(found) == 1:
        return TaxInput(name=found[0].name, rate=rate_text(found[0].rate_e4))
    if found:
        message = say("You have {count} tax rates of this name. Write which: “{name} 5%”.",
                      count=len(found), name=name[:50])  # fmt: skip
        checks.refuse(field, code="SEVERAL_TAXES", message=message)
    else:
        message = say(
            "You have no tax rate called “{name}”. Add it in the settings, or write its percentage:"
            " “{name} 5%”.",
            name=name[:50],
        )
        checks.refuse(field, code="UNKNOWN_TAX", message=message)
    return None


def _tax_digits(written: str) -> str | None:
    digits = re.sub(r"[-\s]", "", unicodedata.normalize("NFKC", written))
    match = re.fullmatch(r"([0-9]{9})(?:[A-Za-z]{2}[0-9]{4})?", digits)
    return match[1] if match else None


def _line(cell: str | None) -> str:
    text = cell or ""
    return " ".join((text if text.isascii() else unicodedata.normalize("NFC", text)).split())
