"""What every document says around its own content: letterhead, colors, page numbers, in the language spoken.

Surprise: nothing reads the clock. A document says how its record stands, and carries the time of the record's
last change, so that the same record is the same file, byte for byte.
"""

import unicodedata
from datetime import datetime
from typing import Any

from billing.addresses import Country
from billing.colours import LIGHT, palette
from billing.customers import Customer
from billing.money import Money, rate_text
from billing.papers import Letterhead
from billing.partners import Partner
from billing.tax_ids import display_tax_account, display_tax_id
from integrations.pdf.press import Sheet
from languages import decimal, say, spoken

# Remit's own, for a partner that chose none.
ACCENT = "#1d4ed8"
GOOD, GREY = "#15803d", "#4b5563"
LONGEST_NAME = 80
Part = dict[str, Any]


def sheet(
    head: Letterhead,
    *,
    name: str,
    made_at: datetime,
    kind: str,
    number: str | None,
    to: Customer,
    to_label: str,
    facts: list[tuple[str, str | None]],
    headline: Part | None = None,
    link: Part | None = None,
    stamp: Part | None = None,
    watermark: str | None = None,
    tables: list[Part],
    totals: list[Part] | None = None,
    notes: list[tuple[str, str | None]],
) -> Sheet:
    """A document of the partner's; facts and notes that are None are left out."""
    partner, made = head.partner, palette(head.partner.accent or ACCENT, LIGHT)
    content = {
        "lang": spoken(),
        "region": "CA" if spoken() == "fr" else "US",
        "title": f"{kind} {number}" if number else kind,
        "kind": kind,
        "number": number,
        "stamp": stamp,
        "watermark": watermark,
        "colours": {"fill": made.fill, "ink": made.ink, "soft": made.soft},
        "partner": {"name": partner.name, "lines": _sender(partner)},
        "logo": head.logo is not None,
        "to": {"label": to_label, "lines": _receiver(to)},
        "facts": [[label, value] for label, value in facts if value],
        "headline": headline,
        "link": link,
        "tables": tables,
        "totals": totals or [],
        "notes": [{"label": label, "text": text} for label, text in notes if text],
        "foot": " · ".join(filter(None, (partner.support_email, partner.support_phone, partner.support_url))),
        "page": say("Page {page} of {pages}", page="{page}", pages="{pages}"),
    }
    return Sheet("paper", name, made_at, content, head.logo)


def money(minor: int, currency: Any) -> str:
    """An amount as every page writes it."""
    return Money(minor, currency).display(spoken())


def number_text(plain: str) -> str:
    """A plain decimal ("1.5") as the reader writes it."""
    return decimal(plain)


def column(label: str, *, wide: bool = False, figures: bool = False) -> Part:
    """A column of a table: `wide` takes the room that is left, `figures` stand at the right."""
    return {"label": label, "wide": wide, "align": "end" if figures else "start"}


def row(cells: list[str], *, strong: bool = False, below: str = "") -> Part:
    """A row of a table; `below` stands in small letters under what its wide column says."""
    return {"cells": cells, "strong": strong, "below": below}


def table(columns: list[Part], rows: list[Part], *, title: str | None = None, empty: str = "") -> Part:
    """A table, or what is said when it has no rows."""
    return {"title": title, "columns": columns, "empty": empty, "rows": rows}


def total(label: str, value: str, *, strong: bool = False) -> Part:
    """A sum below the tables."""
    return {"label": label, "value": value, "strong": strong}


def tax_text(name: str, rate_e4: int) -> str:
    """A tax as its reader knows it: by name and rate."""
    return f"{name} {say('{rate}%', rate=number_text(rate_text(rate_e4)))}"


def file_name(*parts: str, ending: str = "pdf") -> str:
    """A name for a file: ASCII letters (accents left out), digits and hyphens, whatever its parts are."""
    split = unicodedata.normalize("NFKD", "-".join(parts))
    plain = "".join(char for char in split if not unicodedata.combining(char))[:LONGEST_NAME]
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "-" for char in plain)
    return "-".join(filter(None, kept.split("-"))) + f".{ending}"


def _sender(partner: Partner) -> list[str]:
    lines = [partner.legal_name] if partner.legal_name != partner.name else []
    if partner.country is not None:
        street = (partner.address, partner.address2)
        place = f"{partner.city}, {partner.state} {partner.postal_code}"
        lines += [*filter(None, street), place, _country(partner.country)]
    if partner.ein:
        lines.append(say("EIN {number}", number=display_tax_id(partner.ein, Country.US)))
    if partner.gst_hst_number:
        lines.append(say("GST/HST No. {number}", number=display_tax_account(partner.gst_hst_number)))
    if partner.qst_number:
        lines.append(say("QST No. {number}", number=display_tax_account(partner.qst_number)))
    return lines


def _receiver(customer: Customer) -> list[str]:
    place = f"{customer.city}, {customer.state} {customer.postal_code}"
    names = [customer.legal_name or customer.company]
    if customer.legal_name and customer.legal_name != customer.company:
        names.append(customer.company)
    lines = (*names, customer.address, customer.address2, place, _country(customer.country))
    return [line for line in lines if line]


def _country(country: Country) -> str:
    return say("Canada") if country is Country.CA else say("United States")
