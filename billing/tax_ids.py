"""Tax ids: the EIN in the United States; in Canada the Business Number, and what a seller registers for.

The surprise: only the shape is refused. A prefix the IRS never issued, or a check digit that doesn't fit,
is a warning, because a list out of date must not keep a paying customer out (PRODUCT.md, Customers).
"""

import re
import unicodedata
from functools import cache
from typing import NamedTuple

from stdnum import luhn
from stdnum.us import ein

from billing.addresses import Country
from errors import Invalid, Problem
from languages import say

_EIN = re.compile(r"[0-9]{2}-?[0-9]{7}")
_BUSINESS_NUMBER = re.compile(r"[0-9]{9}")
_PROGRAM_ACCOUNT = re.compile(r"([0-9]{9})[A-Za-z]{2}[0-9]{4}")
_GST_HST = re.compile(r"[0-9]{9}RT[0-9]{4}")
_QST = re.compile(r"[0-9]{10}TQ[0-9]{4}")


class TaxId(NamedTuple):
    """The digits as stored; `warnings` are shown beside the field and keep nobody from saving."""

    digits: str
    warnings: tuple[Problem, ...]


def parse_tax_id(text: str | None, country: Country, *, path: tuple[str | int, ...] = ()) -> TaxId:
    """An EIN (`123456789` or `12-3456789`) or, for Canada, a Business Number (9 digits, spaces allowed).

    Refuses at `path`: REQUIRED, BAD_EIN, BAD_BUSINESS_NUMBER. Warns: EIN_PREFIX_NOT_ISSUED,
    BUSINESS_NUMBER_CHECK_DIGIT.
    """
    written = (text or "").strip()
    if not written.isascii():
        apart = unicodedata.normalize("NFKC", written).strip()
        written = "".join("-" if unicodedata.category(char) == "Pd" else char for char in apart)
    if country is Country.CA:
        return _business_number(written, path)
    if not written:
        raise Invalid.at(*path, code="REQUIRED", message="Enter the EIN.")
    if not _EIN.fullmatch(written):
        raise Invalid.at(*path, code="BAD_EIN", message="Enter the EIN as XX-XXXXXXX.")
    digits = written.replace("-", "")
    if _issued(digits[:2]):
        return TaxId(digits, ())
    message = say(
        "The IRS has not issued EINs that start with {digits}. Check the number.", digits=digits[:2]
    )
    return TaxId(digits, (Problem("EIN_PREFIX_NOT_ISSUED", path, message),))


@cache
def _issued(prefix: str) -> bool:
    """Whether the IRS gives out EINs that start so; nothing else of a well-formed one can be doubted."""
    return ein.is_valid(f"{prefix}0000000")


def display_tax_id(digits: str, country: Country) -> str:
    """The stored nine digits as people know them: `12-3456789` for an EIN, unbroken for a Business Number."""
    return digits if country is Country.CA else f"{digits[:2]}-{digits[2:]}"


def parse_gst_hst_number(text: str | None, *, path: tuple[str | int, ...] = ()) -> TaxId:
    """A GST/HST account: nine digits, RT, four digits, however spaced. Refuses at `path`: REQUIRED,
    BAD_GST_HST_NUMBER. Warns: BUSINESS_NUMBER_CHECK_DIGIT.
    """
    account = _account(text)
    if not account:
        raise Invalid.at(*path, code="REQUIRED", message="Enter the GST/HST number.")
    if not _GST_HST.fullmatch(account):
        message = "Enter the GST/HST number as nine digits, RT and four digits, like 123456782 RT0001."
        raise Invalid.at(*path, code="BAD_GST_HST_NUMBER", message=message)
    return TaxId(account, _doubts(account[:9], path))


def parse_qst_number(text: str | None, *, path: tuple[str | int, ...] = ()) -> TaxId:
    """A QST account: ten digits, TQ, four digits, however spaced. Refuses: REQUIRED, BAD_QST_NUMBER."""
    account = _account(text)
    if not account:
        raise Invalid.at(*path, code="REQUIRED", message="Enter the QST number.")
    if not _QST.fullmatch(account):
        message = "Enter the QST number as ten digits, TQ and four digits, like 1234567890 TQ0001."
        raise Invalid.at(*path, code="BAD_QST_NUMBER", message=message)
    return TaxId(account, ())


def display_tax_account(account: str) -> str:
    """A stored GST/HST or QST number as people know it: `123456782 RT0001`."""
    return f"{account[:-6]} {account[-6:]}"


def _account(text: str | None) -> str:
    written = unicodedata.normalize("NFKC", text or "")
    return "".join(
        char for char in written if not char.isspace() and unicodedata.category(char) != "Pd"
    ).upper()


def _doubts(digits: str, path: tuple[str | int, ...]) -> tuple[Problem, ...]:
    if luhn.is_valid(digits):
        return ()
    message = "The last digit does not fit the others of this Business Number. Check the number."
    return (Problem("BUSINESS_NUMBER_CHECK_DIGIT", path, message),)


def _business_number(written: str, path: tuple[str | int, ...]) -> TaxId:
    if not written:
        raise Invalid.at(*path, code="REQUIRED", message="Enter the Business Number.")
    digits = re.sub(r"\s", "", written)
    account = _PROGRAM_ACCOUNT.fullmatch(digits)
    if account is not None:
        message = say("Enter only the first nine digits of the Business Number: {number}.", number=account[1])
        raise Invalid.at(*path, code="BAD_BUSINESS_NUMBER", message=message)
    if not _BUSINESS_NUMBER.fullmatch(digits):
        message = "Enter the Business Number as nine digits, like 123456782."
        raise Invalid.at(*path, code="BAD_BUSINESS_NUMBER", message=message)
    return TaxId(digits, _doubts(digits, path))
