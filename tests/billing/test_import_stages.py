"""What all imports have in common: columns' names in two languages, refusals in every one, reading ahead."""

from collections.abc import Sequence
from datetime import datetime

import pytest
from sqlalchemy import Connection, text

from billing import customer_import_rows, customer_imports, invoice_import_rows, invoice_imports
from billing.import_files import message_of
from billing.import_tables import ImportState
from db.session import Database
from languages import Locale, speaking
from tests.billing.importing import BLUE, Imports, InvoiceImports
from tests.cast import Cast

OF_CUSTOMERS = {
    "company": ("Raison sociale", "Nom de l'entreprise", "SOCIÉTÉ", "Client", "Company"),
    "tax_id": ("Numéro d’entreprise", "EIN"),
    "address": ("Adresse", "Adresse de facturation", "Street"),
    "city": ("Ville", "Municipalité", "City"),
    "state": ("Province", "État", "State"),
    "postal_code": ("Code postal", "ZIP"),
    "country": ("Pays", "Country"),
    "currency": ("Devise", "Currency"),
    "terms_days": ("Délai de paiement", "Payment terms"),
    "external_id": ("Numéro de client", "N° de client", "External id"),
    "user_1_name": ("Nom du contact", "Contact"),
    "user_1_email": ("Courriel", "E-mail"),
}
OF_INVOICES = {
    "external_id": ("Numéro de facture", "N° de facture", "Nº de facture", "No facture", "Invoice number"),
    "customer_external_id": ("Numéro de client", "Customer number"),
    "company": ("Raison sociale", "Client", "Company"),
    "issue_on": ("Date de facturation", "Date", "Invoice date"),
    "due_on": ("Échéance", "Date d'échéance", "Due date"),
    "po_number": ("Bon de commande", "PO number"),
    "description": ("Désignation", "Description"),
    "quantity": ("Quantité", "Qté", "Qty"),
    "unit_price": ("Prix unitaire", "Unit price"),
    "discount": ("Rabais", "Remise", "Discount"),
    "tax": ("Taxe", "Tax"),
    "tax_2": ("Deuxième taxe", "Tax 2"),
}


def guessed(imports: Imports, names: Sequence[str]) -> list[str]:
    found = imports.start(",".join("x" * len(names)), head=",".join(names))
    fields: list[str] = imports.find(found).fields
    return fields


def test_columns_are_known_by_french_names_and_by_english_ones(
    imports: Imports, bills: InvoiceImports
) -> None:
    for whose, known in ((imports, OF_CUSTOMERS), (bills, OF_INVOICES)):
        for field, names in known.items():
            for name in names:
                assert guessed(whose, [name, "Couleur"]) == [field, ""], name


def test_the_templates_names_are_known_in_every_language(imports: Imports, bills: InvoiceImports) -> None:
    languages: Sequence[Locale] = ("en", "fr")
    for whose, stages in ((imports, customer_imports.CUSTOMERS), (bills, invoice_imports.INVOICES)):
        for language in languages:
            with speaking(language):
                names = [f'"{label!s}"' for label in stages.fields.values()]
            assert guessed(whose, names) == list(stages.fields), language


def test_a_refusal_is_told_to_each_reader_in_their_own_language(
    imports: Imports, bills: InvoiceImports, owner: Connection
) -> None:
    """Also where it has values in it, and names of fields or places among them."""
    found = imports.check(
        "X" * 201 + ",,1 A St,Peoria,IL,61602,US,", "Maple,,1 A St,Toronto,ON,H0H 0H0,CA,", BLUE, BLUE
    )
    [long, province, repeated] = imports.act(
        customer_imports.report, import_id=found, outcome=customer_import_rows.RowOutcome.REFUSED
    )
    [wrong] = bills.act(invoice_imports.report, import_id=bills.check("1,A-1,2026-13-01,,Work,1,1.00,,"))
    said = {
        "en": [
            "Shorten the company name to 200 characters; it has 201.",
            "Postal codes in Ontario start with K, L, M, N or P. Check the postal code and the province.",
            "Row 4 of this file is about the same customer. Leave one of the two.",
            "Write the issue date as YYYY-MM-DD, like 2026-03-31.",
        ],
        "fr": [
            "Raccourcissez ce texte (nom de l’entreprise) à 200 caractères; il en a 201.",
            "Les codes postaux de cette province (Ontario) commencent par K, L, M, N ou P. Vérifiez le code"
            " postal et la province.",
            "La ligne 4 de ce fichier concerne le même client. N’en laissez qu’une des deux.",
            "Écrivez la date (émission) au format AAAA-MM-JJ, par exemple 2026-03-31.",
        ],
    }
    rows = (long, province, repeated, wrong)
    for language, sentences in said.items():
        with speaking(language):  # type: ignore[arg-type]
            assert [message_of(row.problems[0]) for row in rows] == sentences


def test_what_was_checked_ahead_is_not_taken_once_the_columns_are_others(
    imports: Imports, owner: Connection
) -> None:
    found = imports.start("Bluebird,1 Main St,Peoria,IL,61602,US", head="Company,A,City,State,ZIP,Country")
    first, second = (
        ["company", address, "city", "state", "postal_code", "country"] for address in ("", "address")
    )
    imports.act(customer_imports.choose_columns, import_id=found, fields=first, now=imports.now)
    partner_id = imports.actor.partner_id
    given = {"import_id": found, "now": imports.now}
    with imports.database.transaction(partner_id=partner_id) as db:
        ahead = customer_import_rows.look_ahead(db, partner_id, after=None, **given)
        assert ahead is not None
        assert customer_import_rows.look_ahead(db, partner_id, after=ahead.reached, **given) is None
    owner.execute(text("update customer_import set state = 'CHECKED'"))
    owner.commit()
    imports.act(customer_imports.choose_columns, import_id=found, fields=second, now=imports.now)
    with imports.database.transaction(partner_id=partner_id) as db:
        assert customer_import_rows.step(db, partner_id, ahead=ahead, **given)
    assert imports.counts(found) == (1, 0, 0, 0)


def test_who_is_erased_meanwhile_is_not_told_by_what_was_checked_ahead(
    imports: Imports, bills: InvoiceImports, owner: Connection
) -> None:
    """G-9: the rows were read before, and are written after; the sentences quote what they had."""
    petra = "petra@acme.example"
    head = "Invoice number,Customer number,Memo,Description,Quantity,Unit price"
    found = bills.start(f"1,A-1,{petra},Work,1,1.00", "1,,Other,Travel,1,1.00", head=head)
    fields = bills.find(found).fields
    bills.act(invoice_imports.choose_columns, import_id=found, fields=fields, now=bills.now)
    partner_id, given = bills.actor.partner_id, {"import_id": found, "now": bills.now}
    with bills.database.transaction(partner_id=partner_id) as db:
        ahead = invoice_import_rows.look_ahead(db, partner_id, after=None, **given)
    assert ahead is not None
    assert petra.encode() in ahead.changes
    with bills.database.transaction(partner_id=partner_id) as db:
        invoice_imports.erase_in_files(
            db, partner_id=partner_id, email=petra, name="Petra", instead="Erased user"
        )
    with bills.database.transaction(partner_id=partner_id) as db:
        assert invoice_import_rows.step(db, partner_id, ahead=ahead, **given)
    bills.work(found)
    assert bills.problems(found) == [(2, ["OTHER_ROW"]), (3, ["CONTRADICTS"])]
    kept = owner.scalar(text("select string_agg(to_jsonb(r)::text, ' ') from invoice_import_row r"))
    assert petra not in kept


@pytest.mark.parametrize("rows", [customer_import_rows, invoice_import_rows], ids=lambda one: one.__name__)
def test_a_batch_is_not_done_twice_though_it_was_checked_ahead(
    imports: Imports, bills: InvoiceImports, rows: object
) -> None:
    of_customers = rows is customer_import_rows
    whose: Imports = imports if of_customers else bills
    step, look = (
        (customer_import_rows.step, customer_import_rows.look_ahead)
        if of_customers
        else (invoice_import_rows.step, invoice_import_rows.look_ahead)
    )
    found = whose.start(BLUE if of_customers else "1,A-1,2026-03-01,,Work,1,1.00,,")
    fields = whose.find(found).fields
    whose.act(whose.rules.choose_columns, import_id=found, fields=fields, now=whose.now)
    partner_id, given = whose.actor.partner_id, {"import_id": found, "now": whose.now}
    with whose.database.transaction(partner_id=partner_id) as db:
        ahead = look(db, partner_id, after=None, **given)
        assert step(db, partner_id, ahead=ahead, **given)
    with whose.database.transaction(partner_id=partner_id) as db:
        assert not step(db, partner_id, ahead=ahead, **given)
    assert whose.counts(found) == (1, 0, 0, 0)
    assert whose.find(found).state is ImportState.CHECKED


def test_of_a_batch_with_some_taken_meanwhile_all_others_are_made(
    imports: Imports, owner: Connection
) -> None:
    """Taken behind our back, between the look for it and the insert: by a slug, and by an external id."""
    rows = [f"Co {n},,1 A St,Peoria,IL,6160{n},US,C-{n}" for n in range(7)]
    found = imports.check(*rows)
    taken = owner.execute(text("select slug, external_id from customer limit 1")).one()
    owner.execute(text("update customer set external_id = 'OLD' where slug = :slug"), {"slug": taken.slug})
    set_ = "update customer_import_row set made = made || jsonb_build_object(:name, :value)"
    for name, value, position in (("slug", taken.slug, 4), ("external_id", "OLD", 7)):
        given = {"name": name, "value": value, "position": position}
        owner.execute(text(f"{set_} where position = :position".replace(":value", "cast(:value as text)")
                           .replace(":name", "cast(:name as text)")), given)  # fmt: skip
    owner.commit()
    imports.go(found)
    assert imports.counts(found) == (6, 0, 0, 1)
    assert imports.problems(found) == [(7, ["EXTERNAL_ID_TAKEN"])]
    made = owner.scalars(text("select company from customer where company like 'Co %' order by 1")).all()
    assert made == ["Co 0", "Co 1", "Co 2", "Co 3", "Co 4", "Co 6"]


def test_a_check_goes_on_while_another_partner_erases_somebody(
    layers: Database, cast: Cast, now: datetime
) -> None:
    imports = Imports(layers, cast.ada, now)
    found = imports.start(BLUE)
    fields, theirs = imports.find(found).fields, cast.mallory.partner_id
    imports.act(customer_imports.choose_columns, import_id=found, fields=fields, now=now)
    before = imports.find(found).round
    who = {"email": "petra@acme.example", "name": "Petra", "instead": "Erased user"}
    for partner_id, rounds in ((theirs, before), (imports.actor.partner_id, before + 1)):
        with layers.transaction(partner_id=partner_id) as db:
            customer_imports.erase_in_files(db, partner_id=partner_id, **who)
        assert imports.find(found).round == rounds
