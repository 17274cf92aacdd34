"""How the partner's invoices and credit notes are numbered, when invoices are due and how else they are paid.

Surprise: the first number can be chosen only until it is taken. Numbers have no gaps, so a jump later on
would look like invoices that are missing.
"""

import re
from collections.abc import Mapping
from typing import Any

from billing.customer_fields import read_terms
from billing.inputs import Input
from billing.texts import Checks
from languages import say

MOST_FIRST = 9_999_999
LONGEST_INSTRUCTIONS = 1000
_PREFIX = re.compile(r"[A-Z0-9]([A-Z0-9-]{0,8}[A-Z0-9])?-?")


class InvoiceSettingsInput(Input):
    """As typed. What is not given stays as it is."""

    invoice_prefix: str | None = None
    credit_note_prefix: str | None = None
    first_invoice_number: int | str | None = None
    default_terms_days: int | str | None = None
    payment_instructions: str | None = None


def read_invoice_settings(
    checks: Checks, fields: InvoiceSettingsInput, before: Mapping[str, Any]
) -> dict[str, Any]:
    """The columns to write, every problem noted: BAD_PREFIX, REQUIRED, BAD_TERMS, OUT_OF_RANGE, and
    NUMBERS_TAKEN for another first number once an invoice has its number; those of clean_block."""
    values: dict[str, Any] = {}
    if fields.gives("invoice_prefix"):
        values["invoice_prefix"] = read_prefix(checks, fields.invoice_prefix)
    if fields.gives("credit_note_prefix"):
        values["credit_note_prefix"] = _read_note_prefix(checks, fields.credit_note_prefix)
    if fields.gives("default_terms_days"):
        values["default_terms_days"] = read_terms(checks, fields.default_terms_days, "default_terms_days")
        if fields.default_terms_days is None or not str(fields.default_terms_days).strip():
            checks.refuse("default_terms_days", code="REQUIRED", message="Enter the days, 0 for at once.")
    if fields.gives("first_invoice_number"):
        first = _first(checks, fields.first_invoice_number)
        if first is not None and first != before["first_invoice_number"]:
            if before["next_invoice_number"] != before["first_invoice_number"]:
                message = "The first number is taken by an invoice already, so it stays."
                checks.refuse("first_invoice_number", code="NUMBERS_TAKEN", message=message)
            values["first_invoice_number"] = first
    if fields.gives("payment_instructions"):
        values["payment_instructions"] = checks.block(
            "payment_instructions", fields.payment_instructions, required=False, limit=LONGEST_INSTRUCTIONS
        )
    return values


def read_prefix(checks: Checks, typed: str | None) -> str:
    """What stands before an invoice's number, `INV-` for nothing. Refuses BAD_PREFIX."""
    written = (typed or "").strip().upper() or "INV-"
    if not _PREFIX.fullmatch(written):
        message = "Write the invoice prefix in up to ten letters and digits, like INV-."
        checks.refuse("invoice_prefix", code="BAD_PREFIX", message=message)
    return written


def _read_note_prefix(checks: Checks, typed: str | None) -> str:
    """The same for credit notes, `CN-` for nothing."""
    written = (typed or "").strip().upper() or "CN-"
    if not _PREFIX.fullmatch(written):
        message = "Write the prefix of credit notes in up to ten letters and digits, like CN-."
        checks.refuse("credit_note_prefix", code="BAD_PREFIX", message=message)
    return written


def _first(checks: Checks, typed: int | str | None) -> int | None:
    if isinstance(typed, str):
        written = typed.strip()
        # Seven digits at most: turning a long text into a number is work nobody asked for.
        typed = int(written) if written.isascii() and written.isdigit() and len(written) <= 7 else -1
    if typed is None or not 1 <= typed <= MOST_FIRST:
        message = say("Enter a whole number from {low} to {high}.", low=1, high=MOST_FIRST)
        checks.refuse("first_invoice_number", code="OUT_OF_RANGE", message=message)
        return None
    return typed
