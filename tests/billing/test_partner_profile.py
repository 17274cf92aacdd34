"""The partner's own profile: what is taken, what is told, who may, and two who save at once."""

from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from auth.actors import MissingRight
from billing import partner_profile
from billing.partner_profile import PartnerInput, Saved
from errors import Conflict, Invalid
from tests.billing.acting import Acts, at_once, codes, problems_of
from tests.cast import Cast
from tests.world import nothing_changes

QUEBEC = {
    "address": "1250 rue Guy", "city": "Montréal", "state": "Québec", "postal_code": "h3h2t4",
    "country": "CA",
}  # fmt: skip


def stored(owner: Connection, *columns: str, slug: str = "northwind") -> tuple[Any, ...]:
    asked = text(f"select {', '.join(columns)} from partner where slug = :slug")
    return tuple(owner.execute(asked, {"slug": slug}).one())


def save(acts: Acts, who: Any, version: int | None = None, **given: Any) -> Saved:
    return acts(who, partner_profile.update, fields=PartnerInput.read(given), version=version)


def test_every_field_is_stored_in_its_one_form(acts: Acts, cast: Cast, owner: Connection) -> None:
    saved = save(
        acts, cast.ada, name=" North  Wind ", legal_name="Northwind Inc.", **QUEBEC, ein="123456789",
        gst_hst_number="123456782 rt 0001", qst_number="1234567890-TQ-0001",
        support_email="Help@Northwind.example", support_phone="+1 514 555 0142 ext. 7",
        support_url="northwind.example/help", time_zone="America/Toronto", locale="FR", accent="#0B7285",
    )  # fmt: skip
    assert saved.warnings == ()
    assert stored(
        owner, "name", "legal_name", "address", "address2", "state", "postal_code", "country", "ein",
        "gst_hst_number", "qst_number", "support_email", "support_phone", "support_url", "time_zone",
        "locale", "accent", "version",
    ) == (
        "North Wind", "Northwind Inc.", "1250 rue Guy", None, "QC", "H3H 2T4", "CA", "123456789",
        "123456782RT0001", "1234567890TQ0001", "Help@Northwind.example", "+1 514 555 0142 ext. 7",
        "https://northwind.example/help", "America/Toronto", "fr", "#0b7285", 2,
    )  # fmt: skip
    assert stored(owner, "name", "version", slug="contoso") == ("Contoso", 1)


def test_what_changed_is_in_the_log_as_it_was_and_as_it_is(acts: Acts, cast: Cast, owner: Connection) -> None:
    save(acts, cast.sue, support_phone="(217) 555-0142", name="Northwind")
    (event,) = owner.execute(text("select action, actor_name, customer_id, details from audit_event")).all()
    assert tuple(event) == (
        "partner.updated", "Sue", None,
        {"fields": ["support_phone"], "was": [""], "became": ["(217) 555-0142"]},
    )  # fmt: skip


def test_an_address_is_whole_or_not_there(acts: Acts, cast: Cast, owner: Connection) -> None:
    missing = [("REQUIRED", (name,)) for name in ("address", "state", "postal_code", "country")]
    with acts.nothing_changes():
        assert problems_of(lambda: save(acts, cast.ada, city="Peoria")) == missing
    save(acts, cast.ada, **QUEBEC)
    with acts.nothing_changes():
        wrong = problems_of(lambda: save(acts, cast.ada, country="US"))
    assert wrong == [("UNKNOWN_STATE", ("state",)), ("BAD_ZIP", ("postal_code",))]
    save(acts, cast.ada, **dict.fromkeys((*QUEBEC, "address2"), ""))
    assert stored(owner, "address", "country") == (None, None)
    with pytest.raises(DBAPIError, match="ck_partner_address_whole"):
        owner.execute(text("update partner set city = 'Peoria'"))


@pytest.mark.parametrize(
    ("field", "typed", "code"),
    [
        ("name", "", "REQUIRED"), ("name", "x" * 101, "TOO_LONG"), ("name", "a\x00b", "BAD_CHARACTERS"),
        ("name", "North\u202ednw", "BAD_CHARACTERS"), ("name", "4242 4242 4242 4242", "CARD_NUMBER"),
        ("ein", "12-34567", "BAD_EIN"), ("ein", "12-345678X", "BAD_EIN"),
        ("gst_hst_number", "123456782", "BAD_GST_HST_NUMBER"),
        ("gst_hst_number", "123456782RC0001", "BAD_GST_HST_NUMBER"),
        ("gst_hst_number", "12345678RT00011", "BAD_GST_HST_NUMBER"),
        ("qst_number", "123456789TQ0001", "BAD_QST_NUMBER"), ("qst_number", "1234567890", "BAD_QST_NUMBER"),
        ("support_email", "", "REQUIRED"), ("support_email", "nobody", "BAD_EMAIL"),
        ("support_phone", "call us", "BAD_PHONE"), ("support_phone", "555", "BAD_PHONE"),
        ("support_phone", "(217) 555-0142<script>", "BAD_PHONE"),
        ("support_url", "javascript:alert(1)", "BAD_WEB_ADDRESS"),
        ("support_url", "javascript://northwind.example/%0aalert(1)", "BAD_WEB_ADDRESS"),
        ("support_url", "data:text/html,x", "BAD_WEB_ADDRESS"),
        ("support_url", "https://user:pass@northwind.example", "BAD_WEB_ADDRESS"),
        ("support_url", "https://northwind.example\" onclick=x", "BAD_WEB_ADDRESS"),
        ("support_url", "https://127.0.0.1/", "BAD_WEB_ADDRESS"),
        ("support_url", "https://[::1", "BAD_WEB_ADDRESS"),
        ("support_url", "https://localhost/", "BAD_WEB_ADDRESS"),
        ("support_url", "https://northwind.example:99x/", "BAD_WEB_ADDRESS"),
        ("time_zone", "", "REQUIRED"), ("time_zone", "Mars/Base", "UNKNOWN_TIME_ZONE"),
        ("locale", "", "REQUIRED"), ("locale", "de", "UNKNOWN_LANGUAGE"),
        ("accent", "red", "BAD_COLOUR"), ("accent", "#fff", "BAD_COLOUR"), ("accent", "#12345", "BAD_COLOUR"),
        ("accent", "#123456;}*{display:none", "BAD_COLOUR"), ("accent", "#12345６", "BAD_COLOUR"),
        ("accent", "#123456\n}", "BAD_COLOUR"), ("accent", "url(//evil.example)", "BAD_COLOUR"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_at_its_field(
    acts: Acts, cast: Cast, field: str, typed: str, code: str
) -> None:
    with acts.nothing_changes():
        assert problems_of(lambda: save(acts, cast.ada, **{field: typed})) == [(code, (field,))]


def test_every_refusal_says_how_to_mend_it(acts: Acts, cast: Cast) -> None:
    wrong = {"gst_hst_number": "1", "qst_number": "1", "support_url": "ftp://x.example", "accent": "red"}
    with pytest.raises(Invalid) as refused:
        save(acts, cast.ada, **wrong)
    assert [problem.message for problem in refused.value.problems] == [
        "Enter the GST/HST number as nine digits, RT and four digits, like 123456782 RT0001.",
        "Enter the QST number as ten digits, TQ and four digits, like 1234567890 TQ0001.",
        "Enter the web address with https://, like https://example.com/help.",
        "Enter the color as # and six hexadecimal digits, like #0b7285.",
    ]


def test_doubts_about_a_tax_number_keep_nobody_from_saving(acts: Acts, cast: Cast, owner: Connection) -> None:
    saved = save(acts, cast.ada, ein="07-1234567", gst_hst_number="123456789RT0001")
    assert [(problem.code, problem.path) for problem in saved.warnings] == [
        ("EIN_PREFIX_NOT_ISSUED", ("ein",)), ("BUSINESS_NUMBER_CHECK_DIGIT", ("gst_hst_number",)),
    ]  # fmt: skip
    assert stored(owner, "ein", "gst_hst_number") == ("071234567", "123456789RT0001")


def test_a_legal_name_left_out_is_the_name(acts: Acts, cast: Cast, owner: Connection) -> None:
    save(acts, cast.ada, name="Northwind IT", legal_name="")
    assert stored(owner, "name", "legal_name") == ("Northwind IT", "Northwind IT")


def test_the_same_again_writes_nothing(acts: Acts, cast: Cast) -> None:
    save(acts, cast.ada, **QUEBEC)
    with acts.nothing_changes():
        assert save(acts, cast.ada, **QUEBEC).partner.version == 2


@pytest.mark.parametrize("who", ["clem", "rita", "carl", "petra", "vera"])
def test_whoever_may_not_changes_nothing(acts: Acts, cast: Cast, who: str) -> None:
    with acts.nothing_changes(), pytest.raises(MissingRight):
        save(acts, cast.actors[who], name="Mine")


def test_mallory_changes_her_own_partner_only(acts: Acts, cast: Cast, owner: Connection) -> None:
    save(acts, cast.mallory, name="Contoso Two")
    assert stored(owner, "name", "version") == ("Northwind", 1)
    assert stored(owner, "name", "version", slug="contoso") == ("Contoso Two", 2)


def test_a_stale_version_is_a_conflict(acts: Acts, cast: Cast) -> None:
    save(acts, cast.ada, version=1, name="One")
    with acts.nothing_changes(), pytest.raises(Conflict):
        save(acts, cast.sue, version=1, name="Two")


@pytest.mark.prove
def test_of_twenty_who_save_the_same_version_one_does(crowd: Acts, cast: Cast, owner: Connection) -> None:
    answers = at_once(20, lambda number: save(crowd, cast.ada, version=1, name=f"Name {number}"))
    assert codes(answers) == {"Saved": 1, "Conflict": 19}
    assert stored(owner, "version") == (2,)
    assert crowd.count("audit_event") == 1


def test_taking_an_invoice_number_is_no_change_of_the_settings(
    acts: Acts, cast: Cast, owner: Connection
) -> None:
    owner.execute(text("update partner set next_invoice_number = 7"))
    save(acts, cast.ada, version=1, name="One")
    assert stored(owner, "name", "next_invoice_number", "version") == ("One", 7, 2)


def test_an_unknown_field_is_refused(owner: Connection) -> None:
    with nothing_changes(owner):
        for name in ("slug", "version", "logo", "staff_need_factor", "next_invoice_number", "id"):
            assert problems_of(lambda name=name: PartnerInput.read({name: "x"})) == [
                ("UNKNOWN_FIELD", (name,))
            ]
