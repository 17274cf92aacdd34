"""Customers from a CSV file: taken in, its columns named, checked row by row, and only then run.

Surprise: the checking is done by the worker too, in the same batches as the run. A page never waits for a
hundred thousand rows, and each stage goes on where it stopped (`customer_import_rows`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from auth.actors import Action, Actor
from billing.customer_import_tables import CustomerImport, CustomerImportRow
from billing.import_stages import Stages, erase, erased_in, staged_in
from billing.texts import Checks
from languages import mark

JOB = "import_customers"
CUSTOMER_FIELDS: Mapping[str, str] = {
    "company": mark("Company"), "legal_name": mark("Legal name"), "tax_id": mark("EIN / Business Number"),
    "address": mark("Address"), "address2": mark("Address line 2"), "city": mark("City"),
    "state": mark("State / Province"),
    "postal_code": mark("ZIP / Postal code"), "country": mark("Country"), "currency": mark("Currency"),
    "time_zone": mark("Time zone"), "terms_days": mark("Terms (days)"), "external_id": mark("External id"),
}  # fmt: skip
USER_FIELDS: Mapping[str, str] = {
    "user_1_name": mark("User 1 name"), "user_1_email": mark("User 1 e-mail"),
    "user_1_role": mark("User 1 role"), "user_1_locale": mark("User 1 language"),
    "user_2_name": mark("User 2 name"), "user_2_email": mark("User 2 e-mail"),
    "user_2_role": mark("User 2 role"), "user_2_locale": mark("User 2 language"),
    "user_3_name": mark("User 3 name"), "user_3_email": mark("User 3 e-mail"),
    "user_3_role": mark("User 3 role"), "user_3_locale": mark("User 3 language"),
    "user_4_name": mark("User 4 name"), "user_4_email": mark("User 4 e-mail"),
    "user_4_role": mark("User 4 role"), "user_4_locale": mark("User 4 language"),
    "user_5_name": mark("User 5 name"), "user_5_email": mark("User 5 e-mail"),
    "user_5_role": mark("User 5 role"), "user_5_locale": mark("User 5 language"),
}  # fmt: skip
FIELDS: Mapping[str, str] = {**CUSTOMER_FIELDS, **USER_FIELDS}
EXAMPLE: Mapping[str, str] = {
    "company": "Example Company", "address": "1 Main Street", "city": "Springfield", "state": "IL",
    "postal_code": "62701", "country": "US", "currency": "USD", "terms_days": "30", "external_id": "C-1",
    "user_1_name": "Alex Example", "user_1_email": "alex@company.example", "user_1_role": "Manager",
    "user_2_name": "Robin Example", "user_2_email": "robin@company.example", "user_2_role": "Payer",
    "user_2_locale": "French",
}  # fmt: skip
# By what other programs call their columns, in English and in French; accents and spaces do not count.
_ALSO = {
    "company": (
        "companyname", "customer", "customername", "name", "client", "account", "accountname",
        "raisonsociale", "entreprise", "societe", "compagnie", "nomdelentreprise", "nomdelasociete",
        "nomduclient", "nom",
    ),
    "legal_name": ("legalcompanyname", "registeredname", "denominationsociale", "nomlegal", "nomjuridique"),
    "tax_id": (
        "ein", "taxid", "bn", "businessnumber", "fein", "federaltaxid", "taxnumber", "numerodentreprise",
        "nodentreprise", "numerofiscal",
    ),
    "address": (
        "street", "address1", "addressline1", "streetaddress", "billingaddress", "adresse", "adresse1",
        "rue", "adressedefacturation", "adressepostale",
    ),
    "address2": (
        "addressline2", "street2", "suite", "unit", "adresse2", "complementdadresse", "bureau",
        "appartement",
    ),
    "city": ("town", "billingcity", "ville", "municipalite", "localite"),
    "state": (
        "province", "stateprovince", "region", "billingstate", "etat", "etatprovince", "provinceetat",
    ),
    "postal_code": (
        "zip", "zipcode", "postalcode", "zippostalcode", "postcode", "billingzip", "codepostal", "cp",
    ),
    "country": ("billingcountry", "countrycode", "pays", "codepays", "paysdefacturation"),
    "currency": ("currencycode", "devise", "monnaie"),
    "time_zone": ("timezone", "tz", "fuseauhoraire", "fuseau"),
    "terms_days": (
        "terms", "termsdays", "paymentterms", "netdays", "modalites", "modalitesdepaiement",
        "delaidepaiement", "conditionsdepaiement",
    ),
    "external_id": (
        "externalid", "externalkey", "accountid", "reference", "customernumber", "identifiantexterne",
        "idexterne", "numerodeclient", "numeroclient", "nodeclient", "noclient", "ndeclient", "codeclient",
        "idclient",
    ),
    "user_1_name": (
        "username", "contact", "contactname", "contactperson", "nomducontact", "personneressource",
        "utilisateur", "nomdelutilisateur",
    ),
    "user_1_email": (
        "useremail", "email", "emailaddress", "contactemail", "billingemail", "courriel", "adressecourriel",
        "courrielducontact", "courrieldefacturation",
    ),
    "user_1_role": ("userrole", "role", "roledelutilisateur"),
    "user_1_locale": (
        "userlanguage", "language", "preferredlanguage", "langue", "languedelutilisateur",
        "languedecorrespondance", "languepreferee", "languedecommunication",
    ),
}  # fmt: skip
_ERASED = erased_in("customer_import_row")


def choose_columns(
    db: Session, actor: Actor, *, import_id: UUID, fields: Sequence[str], send_invites: bool = True,
    now: datetime,
) -> CustomerImport:  # fmt: skip
    """As of every import. `send_invites`: whether users in the file are invited when it runs; else they are
    added and wait. REQUIRED at ("fields", 0) when no column tells the company.
    """
    begun = CUSTOMERS.choose_columns(db, actor, import_id=import_id, fields=fields, now=now)
    begun.send_invites = send_invites
    return begun


def erase_in_files(db: Session, *, partner_id: UUID, email: str, name: str, instead: str) -> None:
    """Replace somebody in the rows that imports still keep: address and name, wherever the address stands."""
    CUSTOMERS.check_anew(db, partner_id)
    erase(db, _ERASED, partner_id=partner_id, email=email, name=name, instead=instead)


def _enter(actor: Actor, fields: Iterable[str]) -> None:
    actor.require(Action.EDIT_CUSTOMERS)
    if any(field in USER_FIELDS for field in fields):
        actor.require(Action.MANAGE_USERS)


def _require(checks: Checks, fields: Sequence[str]) -> None:
    if not {"company", "external_id", "tax_id"} & set(fields):
        message = "Choose which column is the company, the external id or the tax ID."
        checks.refuse("fields", 0, code="REQUIRED", message=message)


CUSTOMERS = Stages(
    CustomerImport, CustomerImportRow, "customer_import", JOB, "customers.csv", FIELDS, _ALSO,
    staged_in("customer_import_row", marks="'{}'", users="0"), _enter, _require,
)  # fmt: skip
start, append, confirm, cancel = CUSTOMERS.start, CUSTOMERS.append, CUSTOMERS.confirm, CUSTOMERS.cancel
find, locked, newest = CUSTOMERS.find, CUSTOMERS.locked, CUSTOMERS.newest
report, sample, clear_old = CUSTOMERS.report, CUSTOMERS.sample, CUSTOMERS.clear_old
