"""What is typed about a customer and its users: normal forms, and every wrong field at once."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.memberships import Role
from billing.customer_fields import (
    CustomerInput,
    Profile,
    UserInput,
    key_of,
    read_profile,
    read_users,
)
from billing.places import POSTAL_LETTERS, PROVINCES, STATES
from billing.slugs import LONGEST, SHAPE, random_slug, slug_of
from billing.texts import Checks
from errors import Invalid, Problem
from tests.billing.acting import ACME, ANN, BOB, problems_of


def profile(**changes: object) -> Profile:
    checks = Checks()
    read = read_profile(checks, CustomerInput.read({**ACME, **changes}))
    checks.done()
    return read


def wrong(**changes: object) -> list[tuple[str, tuple[str | int, ...]]]:
    return problems_of(lambda: profile(**changes))


def test_the_eight_fields_become_columns() -> None:
    assert profile() == Profile(
        {
            "company": "Acme Rockets", "company_key": "acme rockets", "legal_name": "Acme Rockets, Inc.",
            "address": "1 Main Street", "address2": None, "city": "Springfield", "state": "IL",
            "postal_code": "62701", "country": "US", "tax_id": "123456789", "currency": "USD",
            "time_zone": None, "terms_days": None, "external_id": None,
        },
        (),
    )  # fmt: skip


def test_everything_wrong_is_told_at_once_each_at_its_field() -> None:
    assert wrong(
        company=" ", legal_name="x" * 201, tax_id="12-34", address="", address2="y" * 201, city=None,
        state="Ontario", postal_code="1234", currency="EUR", time_zone="Mars", terms_days="soon",
        external_id="z" * 101,
    ) == [
        ("REQUIRED", ("company",)), ("TOO_LONG", ("legal_name",)), ("REQUIRED", ("address",)),
        ("TOO_LONG", ("address2",)), ("REQUIRED", ("city",)), ("UNKNOWN_STATE", ("state",)),
        ("BAD_ZIP", ("postal_code",)), ("BAD_EIN", ("tax_id",)), ("UNKNOWN_CURRENCY", ("currency",)),
        ("UNKNOWN_TIME_ZONE", ("time_zone",)), ("BAD_TERMS", ("terms_days",)),
        ("TOO_LONG", ("external_id",)),
    ]  # fmt: skip


def test_nothing_typed_asks_for_the_six_required_fields() -> None:
    def nothing() -> None:
        checks = Checks()
        read_profile(checks, CustomerInput())
        checks.done()

    required = ("company", "address", "city", "state", "postal_code", "country")
    assert problems_of(nothing) == [("REQUIRED", (field,)) for field in required]


@pytest.mark.parametrize("code", STATES)
def test_every_state_is_taken_by_code_and_by_each_of_its_names(code: str) -> None:
    for written in (code, code.lower(), *STATES[code]):
        assert profile(state=written).values["state"] == code


@pytest.mark.parametrize("code", PROVINCES)
def test_every_province_wants_its_own_first_letters(code: str) -> None:
    canada = {"country": "Canada", "tax_id": None}
    for letter in "ABCEGHJKLMNPRSTVXY":
        typed = f"{letter.lower()}1a1b{ord(letter) % 10}"
        if letter in POSTAL_LETTERS[code]:
            for written in (code, *PROVINCES[code]):
                values = profile(state=written, postal_code=typed, **canada).values
                assert (values["state"], values["postal_code"]) == (code, f"{typed[:3]} {typed[3:]}".upper())
        else:
            expected = [("POSTAL_CODE_NOT_IN_PROVINCE", ("postal_code",))]
            assert wrong(state=code, postal_code=typed, **canada) == expected


@pytest.mark.parametrize("letter", "DFIOQUWZ")
def test_letters_that_are_never_first_are_refused(letter: str) -> None:
    problems = wrong(state="ON", postal_code=f"{letter}1A 1A1", country="CA", tax_id=None)
    assert problems == [("BAD_POSTAL_CODE", ("postal_code",))]


@pytest.mark.parametrize("typed", ["1234", "123456", "12345-678", "1234a", "１２３４５", "K1A 0B1"])
def test_what_is_no_zip_is_refused(typed: str) -> None:
    assert wrong(postal_code=typed) == [("BAD_ZIP", ("postal_code",))]


@pytest.mark.parametrize(
    ("country", "currency", "stored"),
    [("US", None, "USD"), ("CA", "", "CAD"), ("US", "cad", "CAD"), ("CA", "USD", "USD")],
)
def test_the_currency_is_the_countrys_unless_it_is_chosen(
    country: str, currency: str | None, stored: str
) -> None:
    place = {"state": "ON", "postal_code": "K1A 0B1", "tax_id": None} if country == "CA" else {}
    assert profile(country=country, currency=currency, **place).values["currency"] == stored


@pytest.mark.parametrize(
    ("typed", "stored"), [(None, None), ("", None), (" 30 ", 30), (0, 0), ("0", 0), (365, 365), ("007", 7)]
)
def test_terms_are_whole_days(typed: object, stored: int | None) -> None:
    assert profile(terms_days=typed).values["terms_days"] == stored


def test_a_number_too_long_to_print_is_refused_all_the_same() -> None:
    assert wrong(terms_days=10**5000) == [("BAD_TERMS", ("terms_days",))]


@pytest.mark.parametrize("typed", [-1, 366, "-1", "1.5", "366", "٣", "1e2", "9" * 5000, "30 days", 10**30])
def test_terms_out_of_reach_are_refused(typed: object) -> None:
    assert wrong(terms_days=typed) == [("BAD_TERMS", ("terms_days",))]


def test_a_prefix_the_irs_never_issued_is_a_warning_only() -> None:
    read = profile(tax_id="07-1234567")
    assert read.values["tax_id"] == "071234567"
    assert [(problem.code, problem.path) for problem in read.warnings] == [
        ("EIN_PREFIX_NOT_ISSUED", ("tax_id",))
    ]


@pytest.mark.parametrize("field", ["company", "legal_name", "address", "address2", "city", "external_id"])
def test_a_card_number_is_refused_in_every_free_text(field: str) -> None:
    assert wrong(**{field: "call me 4242 4242 4242 4242"}) == [("CARD_NUMBER", (field,))]


PRIVILEGED = [
    "id", "partnerId", "partner_id", "customer_id", "slug", "status", "open_minor", "openBalance", "version",
    "created_at", "archived_at", "company_key", "role", "amountPaid", "tenant", "__class__", "model_config",
    "users", "",
]  # fmt: skip


@pytest.mark.parametrize("field", PRIVILEGED)
def test_fields_that_are_not_the_typists_are_refused(field: str) -> None:
    assert problems_of(lambda: CustomerInput.read({**ACME, field: "ACTIVE"})) == [("UNKNOWN_FIELD", (field,))]


@given(st.dictionaries(st.text(max_size=12), st.none() | st.booleans() | st.text(max_size=5), min_size=1))
def test_no_made_up_field_gets_in(given_fields: dict[str, object]) -> None:
    unknown = sorted(given_fields.keys() - CustomerInput.model_fields.keys())
    if unknown:
        refused = problems_of(lambda: CustomerInput.read(given_fields))
        assert sorted(path[0] for code, path in refused if code == "UNKNOWN_FIELD") == unknown


@pytest.mark.parametrize("value", [3, True, ["x"], {"a": 1}, b"x", 1.5])
def test_what_is_no_text_is_refused_at_its_field(value: object) -> None:
    assert problems_of(lambda: CustomerInput.read({"company": value})) == [("WRONG_TYPE", ("company",))]


def users(*rows: dict[str, str], first: bool = True) -> list[tuple[str, str, Role]]:
    checks = Checks()
    invitees = read_users(checks, [UserInput.read(row) for row in rows], first=first)
    checks.done()
    return [(invitee.name, invitee.email.address, invitee.role) for invitee in invitees]


EMPTY = {"name": " ", "email": ""}


def test_the_first_user_is_a_manager_and_the_later_ones_are_payers() -> None:
    assert users(EMPTY, ANN, EMPTY, BOB) == [
        ("Ann", "ann@rockets.example", Role.MANAGER), ("Bob", "bob@rockets.example", Role.PAYER),
    ]  # fmt: skip


def test_a_user_added_later_is_a_payer() -> None:
    assert users(ANN, first=False) == [("Ann", "ann@rockets.example", Role.PAYER)]


def test_roles_can_be_chosen_if_somebody_manages() -> None:
    rows = users({**ANN, "role": "viewer"}, {**BOB, "role": "Manager"})
    assert [role for _, _, role in rows] == [Role.VIEWER, Role.MANAGER]
    assert problems_of(lambda: users({**ANN, "role": "PAYER"}, BOB)) == [("NO_MANAGER", ("users",))]


@pytest.mark.parametrize("role", ["ADMIN", "SUB_ADMIN", "MEMBER", "READ_ONLY", "owner", "MANAGER\x00"])
def test_a_role_of_the_partners_cannot_be_given_to_a_customers_user(role: str) -> None:
    rows = ({**ANN, "role": role}, {**BOB, "role": "MANAGER"})
    assert problems_of(lambda: users(*rows)) == [("UNKNOWN_ROLE", ("users", 0, "role"))]


def test_with_no_user_at_all_one_is_asked_for() -> None:
    for rows in ((), (EMPTY,), (EMPTY, EMPTY)):
        with pytest.raises(Invalid) as refused:
            users(*rows)
        assert refused.value.problems == (Problem("REQUIRED", ("users",), "Add at least one user."),)


def test_wrong_users_are_told_row_by_row() -> None:
    rows = (ANN, {"name": "", "email": "nobody"}, EMPTY, {"name": "Ann too", "email": "ANN@rockets.example"})
    assert problems_of(lambda: users(*rows)) == [
        ("REQUIRED", ("users", 1, "name")), ("BAD_EMAIL", ("users", 1, "email")),
        ("DUPLICATE", ("users", 3, "email")),
    ]  # fmt: skip


def test_fifty_users_at_once_are_enough() -> None:
    many = [{"name": f"P{i}", "email": f"p{i}@rockets.example"} for i in range(51)]
    assert len(users(*many[:50])) == 50
    assert problems_of(lambda: users(*many)) == [("TOO_MANY", ("users",))]


@given(st.text(max_size=60))
def test_a_key_is_the_same_for_every_way_of_typing(text: str) -> None:
    key = key_of(text)
    assert key_of(key) == key
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert key_of(unicodedata.normalize(form, text)) == key


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=60))
def test_a_key_knows_no_case(text: str) -> None:
    assert key_of(text.upper()) == key_of(text.lower()) == key_of(text)


@given(st.text(max_size=120))
def test_every_name_gives_a_slug_that_the_database_takes(name: str) -> None:
    assert slug_of(name) == "" or (SHAPE.fullmatch(slug_of(name)) and len(slug_of(name)) <= LONGEST)
    assert SHAPE.fullmatch(random_slug(name))


def test_slugs_say_the_name_and_never_collide() -> None:
    assert slug_of("  Müller & Söhne, Ltd. ") == "muller-sohne-ltd"
    assert slug_of("株式会社") == ""
    assert random_slug("株式会社").startswith("customer-")
    assert len({random_slug("Acme") for _ in range(1000)}) == 1000
