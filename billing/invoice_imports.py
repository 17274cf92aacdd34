"""Invoices from a CSV file: taken in, its columns named, checked invoice by invoice, and only then made.

Surprise: what comes of it is a draft, whatever it is elsewhere (docs/decisions/0023). Its number in the file
becomes the external id, by which the next file finds it; the partner's own number is taken when it is sent,
as for every other invoice.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from sqlmodel import Session

from auth.actors import Action, Actor
from billing.import_files import BATCH, given_in
from billing.import_formats import DateFormat, Formats, NumberFormat, formats_in
from billing.import_stages import Stages, erase, erased_in, staged_in
from billing.invoice_import_tables import InvoiceImport, InvoiceImportRow
from billing.texts import Checks
from errors import NotFound
from languages import mark

JOB = "import_invoices"
CUSTOMER_FIELDS: Mapping[str, str] = {
    "customer_external_id": mark("Customer’s external id"), "tax_id": mark("EIN / Business Number"),
    "company": mark("Company"), "postal_code": mark("ZIP / Postal code"),
}  # fmt: skip
HEAD_FIELDS: Mapping[str, str] = {
    "issue_on": mark("Issue date"), "due_on": mark("Due date"), "terms_days": mark("Terms (days)"),
    "currency": mark("Currency"), "po_number": mark("PO number"), "memo": mark("Memo"),
    "internal_note": mark("Internal note"),
}  # fmt: skip
LINE_FIELDS: Mapping[str, str] = {
    "description": mark("Description"), "quantity": mark("Quantity"), "unit_price": mark("Unit price"),
    "discount": mark("Discount"), "tax": mark("Tax"), "tax_2": mark("Second tax"),
}  # fmt: skip
FIELDS: Mapping[str, str] = {
    "external_id": mark("Invoice number"), **CUSTOMER_FIELDS, **HEAD_FIELDS, **LINE_FIELDS,
}  # fmt: skip
EXAMPLES: Sequence[Mapping[str, str]] = (
    {
        "external_id": "1001", "customer_external_id": "C-1", "company": "Example Company",
        "postal_code": "62701", "issue_on": "2026-03-01", "due_on": "2026-03-31", "currency": "USD",
        "po_number": "PO-7", "memo": "Thank you.", "description": "Managed workstations", "quantity": "12",
        "unit_price": "45.00", "discount": "10%", "tax": "Sales tax 6.25%",
    },
    {"external_id": "1001", "description": "Setup, hours", "quantity": "1.5", "unit_price": "120.00"},
)  # fmt: skip
# By what other programs call their columns, in English and in French; accents and spaces do not count.
_ALSO = {
    "external_id": (
        "externalid", "number", "invoice", "invoiceno", "invoicenum", "invoiceid", "docnumber",
        "numerodefacture", "numerofacture", "nodefacture", "nofacture", "ndefacture", "facture", "numero",
        "idfacture",
    ),
    "customer_external_id": (
        "customerid", "customernumber", "customerno", "accountid", "clientid", "numerodeclient",
        "numeroclient", "nodeclient", "noclient", "ndeclient", "codeclient", "idclient",
    ),
    "tax_id": (
        "ein", "taxid", "bn", "businessnumber", "fein", "federaltaxid", "numerodentreprise",
        "nodentreprise",
    ),
    "company": (
        "companyname", "customer", "customername", "client", "contactname", "billto", "raisonsociale",
        "entreprise", "societe", "compagnie", "nomduclient", "facturea",
    ),
    "postal_code": (
        "zip", "zipcode", "postalcode", "postcode", "billingzip", "popostalcode", "codepostal", "cp",
    ),
    "issue_on": (
        "issueon", "invoicedate", "date", "issued", "txndate", "datedefacture", "datefacture",
        "datedefacturation", "datedemission", "emission",
    ),
    "due_on": ("dueon", "due", "paymentdue", "echeance", "datedecheance", "dateecheance", "datelimite"),
    "terms_days": (
        "terms", "termsdays", "netdays", "modalites", "modalitesdepaiement", "delaidepaiement",
        "conditionsdepaiement",
    ),
    "currency": ("currencycode", "devise", "monnaie"),
    "po_number": (
        "po", "purchaseorder", "ponum", "reference", "bondecommande", "numerodebondecommande",
        "nobondecommande", "numerodecommande", "nodecommande",
    ),
    "memo": ("message", "customermemo", "note", "remarque", "commentaire"),
    "internal_note": ("privatenote", "noteinterne", "noteprivee"),
    "description": (
        "itemdescription", "linedescription", "lineitem", "item", "service", "product", "libelle",
        "designation", "article", "produit",
    ),
    "quantity": ("qty", "itemquantity", "hours", "units", "quantite", "qte", "heures", "unites"),
    "unit_price": (
        "price", "rate", "itemrate", "unitamount", "unitcost", "prixunitaire", "prix", "tarif", "taux",
        "pu",
    ),
    "discount": ("linediscount", "itemdiscount", "remise", "rabais", "escompte"),
    "tax": (
        "taxrate", "taxname", "taxcode", "itemtaxcode", "taxtype", "tax1", "taxe", "tauxdetaxe", "taxe1",
        "nomdelataxe",
    ),
    "tax_2": ("tax2", "secondtaxrate", "taxe2", "deuxiemetaxe", "secondetaxe"),
}  # fmt: skip
_Format = TypeVar("_Format", bound=StrEnum)
_ASKED = {
    "date_format": mark("Choose how dates are written: this file leaves it in doubt."),
    "number_format": mark("Choose how numbers are written: this file leaves it in doubt."),
}
_ERASED = erased_in("invoice_import_row")


def choose_columns(
    db: Session, actor: Actor, *, import_id: UUID, fields: Sequence[str], date_format: str | None = None,
    number_format: str | None = None, now: datetime,
) -> InvoiceImport:  # fmt: skip
    """As of every import, and how its dates and numbers are written: as given, else as the file itself says.

    REQUIRED at ("date_format",) and ("number_format",) where it leaves that in doubt.
    """
    begun = INVOICES.choose_columns(db, actor, import_id=import_id, fields=fields, now=now)
    said, checks = formats_of(db, begun), Checks()
    begun.date_format = _chosen(checks, "date_format", DateFormat, date_format, said.dates)
    begun.number_format = _chosen(checks, "number_format", NumberFormat, number_format, said.numbers)
    checks.done()
    return begun


def formats_of(db: Session, begun: InvoiceImport) -> Formats:
    """How the file writes its dates and numbers, by its first rows; None for what they leave in doubt."""
    return formats_in(
        given_in(begun.fields, row.cells, FIELDS) for row in INVOICES.first(db, begun, most=BATCH)
    )


def _chosen(
    checks: Checks, field: str, known: type[_Format], given: str | None, said: _Format | None
) -> _Format | None:
    if given and given in set(known):
        return known(given)
    if given or said is None:
        checks.refuse(field, code="REQUIRED", message=_ASKED[field])
    return said


def erase_in_files(db: Session, *, partner_id: UUID, email: str, name: str, instead: str) -> None:
    """Replace somebody in the rows that imports still keep: address and name, wherever the address stands."""
    INVOICES.check_anew(db, partner_id)
    erase(db, _ERASED, partner_id=partner_id, email=email, name=name, instead=instead)


def _enter(actor: Actor, fields: Iterable[str]) -> None:
    actor.require(Action.EDIT_INVOICES)
    if not actor.is_staff_side:
        raise NotFound


def _require(checks: Checks, fields: Sequence[str]) -> None:
    if "external_id" not in fields:
        message = "Choose which column is the invoice number: rows that share it are one invoice."
        checks.refuse("fields", 0, code="REQUIRED", message=message)


INVOICES = Stages(
    InvoiceImport, InvoiceImportRow, "invoice_import", JOB, "invoices.csv", FIELDS, _ALSO,
    staged_in("invoice_import_row", head="0"), _enter, _require,
)  # fmt: skip
start, append = INVOICES.start, INVOICES.append
confirm, cancel = INVOICES.confirm, INVOICES.cancel
find, locked, newest = INVOICES.find, INVOICES.locked, INVOICES.newest
report, sample, clear_old = INVOICES.report, INVOICES.sample, INVOICES.clear_old
