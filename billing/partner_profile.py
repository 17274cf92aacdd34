"""The partner's own profile: what it is called, where it is, its tax numbers, how to reach it, its colour.

Surprise: the address may be missing, because a partner can start without one; but it is never there in part.
Whoever fills one field of it in is asked for the rest.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sqlmodel import Session, select

from auth import audit
from auth.actors import Action, Actor
from billing.addresses import Country, read_address
from billing.customer_fields import ADDRESS_FIELDS, read_locale, read_time_zone
from billing.invoice_settings import InvoiceSettingsInput, read_invoice_settings
from billing.partners import Partner
from billing.tax_ids import TaxId, parse_gst_hst_number, parse_qst_number, parse_tax_id
from billing.texts import Checks
from billing.told import told
from errors import Conflict, Problem

_COLOUR = re.compile(r"#[0-9a-f]{6}")
_PHONE = re.compile(r"\+?[0-9(][0-9 ().\-/]*( ?(ext\.?|x) ?[0-9]{1,6})?", re.IGNORECASE)
_FEWEST_DIGITS = 7
_HOST = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_PORT = re.compile(r":[0-9]{1,5}")


class PartnerInput(InvoiceSettingsInput):
    """The profile as typed. What is not given stays as it is; what is given as empty is cleared."""

    name: str | None = None
    legal_name: str | None = None
    address: str | None = None
    address2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    ein: str | None = None
    gst_hst_number: str | None = None
    qst_number: str | None = None
    support_email: str | None = None
    support_phone: str | None = None
    support_url: str | None = None
    time_zone: str | None = None
    locale: str | None = None
    accent: str | None = None


class Saved(NamedTuple):
    """The partner as it is now, and warnings for whoever wrote it."""

    partner: Partner
    warnings: tuple[Problem, ...] = ()


def update(
    db: Session, actor: Actor, *, fields: PartnerInput, version: int | None = None, now: datetime
) -> Saved:
    """Change the given fields. `version` is the one that was shown: another one by now is a Conflict.

    Refuses all wrong fields at once: those of read_address, parse_tax_id and the tax accounts, BAD_PHONE,
    BAD_WEB_ADDRESS, BAD_COLOUR, UNKNOWN_TIME_ZONE, UNKNOWN_LANGUAGE, and those of read_invoice_settings.
    Nothing different: nothing written, not even the version.
    """
    actor.require(Action.MANAGE_SETTINGS)
    partner = locked(db, actor)
    if version is not None and version != partner.version:
        raise Conflict
    before = partner.model_dump()
    checks = Checks()
    values, warnings = _read(checks, fields, before)
    checks.done()
    changed = {name: value for name, value in values.items() if value != before[name]}
    if "first_invoice_number" in changed:
        # None is taken yet: the next one is the first.
        partner.next_invoice_number = changed["first_invoice_number"]
    write(db, actor, partner, "partner.updated", changed, now=now)
    return Saved(partner, warnings)


def colour_of(text: str) -> str | None:
    """The color as it would be stored; None for an empty one. Refuses BAD_COLOUR as `update` does."""
    checks = Checks()
    colour = _colour(checks, text)
    checks.done()
    return colour


def locked(db: Session, actor: Actor) -> Partner:
    """The actor's partner, held until the end of the transaction."""
    return db.exec(
        select(Partner).where(Partner.id == actor.partner_id).with_for_update(key_share=True)
    ).one()


def write(
    db: Session, actor: Actor, partner: Partner, action: str, changed: Mapping[str, Any], *, now: datetime
) -> None:
    """Put `changed` values into a partner that is `locked`, and write down what was and what is.

    For the rules of the settings, which have checked the values and the right.
    """
    if not changed:
        return
    kept = told({name: (getattr(partner, name), value) for name, value in changed.items()})
    for name, value in changed.items():
        setattr(partner, name, value)
    partner.version += 1
    partner.updated_at = now
    audit.record(db, actor, action=action, subject_kind="partner", subject_id=partner.id, now=now, **kept)
    db.flush()


def _read(
    checks: Checks, fields: PartnerInput, before: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    values = read_invoice_settings(checks, fields, before)
    _names(checks, fields, before, values)
    if fields.gives(*ADDRESS_FIELDS):
        values.update(_address(checks, fields, before))
    warnings = _tax_numbers(checks, fields, values)
    if fields.gives("support_email"):
        values["support_email"] = checks.email("support_email", fields.support_email).address
    if fields.gives("support_phone"):
        values["support_phone"] = _phone(checks, fields.support_phone)
    if fields.gives("support_url"):
        values["support_url"] = _web_address(checks, fields.support_url)
    if fields.gives("time_zone"):
        values["time_zone"] = read_time_zone(checks, fields.time_zone)
        if not (fields.time_zone or "").strip():
            checks.refuse("time_zone", code="REQUIRED", message="Choose the time zone.")
    if fields.gives("locale"):
        values["locale"] = read_locale(checks, fields.locale)
        if not (fields.locale or "").strip():
            checks.refuse("locale", code="REQUIRED", message="Choose the language.")
    if fields.gives("accent"):
        values["accent"] = _colour(checks, fields.accent)
    return values, warnings


def _names(checks: Checks, fields: PartnerInput, before: Mapping[str, Any], values: dict[str, Any]) -> None:
    shown = before["name"]
    if fields.gives("name"):
        shown = values["name"] = checks.line("name", fields.name, required=True, limit=100)
    if fields.gives("legal_name"):
        legal = checks.line("legal_name", fields.legal_name, required=False, limit=200)
        values["legal_name"] = legal or shown


def _address(checks: Checks, fields: PartnerInput, before: Mapping[str, Any]) -> dict[str, Any]:
    typed = {name: getattr(fields, name) if fields.gives(name) else before[name] for name in ADDRESS_FIELDS}
    if not any((text or "").strip() for text in typed.values()):
        return dict.fromkeys(ADDRESS_FIELDS)
    address = read_address(checks, typed)
    return {name: getattr(address, name) for name in ADDRESS_FIELDS}


def _tax_numbers(checks: Checks, fields: PartnerInput, values: dict[str, Any]) -> tuple[Problem, ...]:
    warnings: list[Problem] = []

    def keep(name: str, number: TaxId | None) -> None:
        values[name] = number.digits if number else None
        warnings.extend(number.warnings if number else ())

    if fields.gives("ein"):
        keep("ein", checks.read("ein", parse_tax_id, fields.ein, Country.US, otherwise=None, required=False))
    for name, parse in (("gst_hst_number", parse_gst_hst_number), ("qst_number", parse_qst_number)):
        if fields.gives(name):
            keep(name, checks.read(name, parse, getattr(fields, name), otherwise=None, required=False))
    return tuple(warnings)


def _phone(checks: Checks, text: str | None) -> str | None:
    written = checks.line("support_phone", text, required=False, limit=40, name="telephone number")
    if written is None:
        return None
    digits = sum(char.isdigit() for char in written)
    if not _PHONE.fullmatch(written) or digits < _FEWEST_DIGITS:
        message = "Enter the telephone number with its area code, like (217) 555-0142 or +1 514 555 0142."
        checks.refuse("support_phone", code="BAD_PHONE", message=message)
    return written


def _web_address(checks: Checks, text: str | None) -> str | None:
    """An https or http address of a named host; without a scheme, https is meant."""
    written = checks.line("support_url", text, required=False, limit=200, name="web address")
    if written is None:
        return None
    address = written if "://" in written else f"https://{written}"
    if not _is_web(address):
        message = "Enter the web address with https://, like https://example.com/help."
        checks.refuse("support_url", code="BAD_WEB_ADDRESS", message=message)
    return address


def _is_web(address: str) -> bool:
    if not address.isascii() or not address.isprintable() or any(char in address for char in " \"'<>\\`"):
        return False
    try:
        parts = urlsplit(address)
    except ValueError:  # brackets that are no IPv6 address
        return False
    host, port = (parts.netloc.lower(), "") if ":" not in parts.netloc else _apart(parts.netloc.lower())
    named = _HOST.fullmatch(host) is not None and not host.rpartition(".")[2].isdigit()
    return parts.scheme in ("https", "http") and named and (not port or _PORT.fullmatch(port) is not None)


def _apart(netloc: str) -> tuple[str, str]:
    host, _, port = netloc.partition(":")
    return host, f":{port}"


def _colour(checks: Checks, text: str | None) -> str | None:
    """`#` and six digits, in lower case; this shape is all that keeps a colour from being more than one."""
    written = (text or "").strip().lower()
    if not written:
        return None
    if not _COLOUR.fullmatch(written):
        message = "Enter the color as # and six hexadecimal digits, like #0b7285."
        checks.refuse("accent", code="BAD_COLOUR", message=message)
        return None
    return written
