"""The sandbox gateway takes published test numbers only, and keeps none of them (G-1, G-2)."""

import base64
import logging
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from billing.ports import ChargeStatus, Funding, MethodKind, SetupStatus
from integrations.gateways.sandbox.cards import PUBLISHED
from tests.figures import rounds
from tests.gateway import CARD, CONTOSO, NORTHWIND, RETURN_URL, RunningSandbox, running_sandbox

OK, FAILED, ACTION = ChargeStatus.SUCCEEDED, ChargeStatus.FAILED, ChargeStatus.REQUIRES_ACTION
CREDIT, DEBIT, PREPAID = Funding.CREDIT, Funding.DEBIT, Funding.PREPAID

BEHAVIOURS = [
    ("4242424242424242", "visa", CREDIT, OK, None),
    ("4000056655665556", "visa", DEBIT, OK, None),
    ("5555555555554444", "mastercard", CREDIT, OK, None),
    ("5200828282828210", "mastercard", DEBIT, OK, None),
    ("5105105105105100", "mastercard", PREPAID, OK, None),
    ("378282246310005", "amex", CREDIT, OK, None),
    ("6011111111111117", "discover", CREDIT, OK, None),
    ("4000002500003155", "visa", CREDIT, ACTION, None),
    ("4000002760003184", "visa", CREDIT, ACTION, None),
    ("4000000000000002", "visa", CREDIT, FAILED, "card_declined"),
    ("4000000000000341", "visa", CREDIT, FAILED, "card_declined"),
    ("4000000000009995", "visa", CREDIT, FAILED, "insufficient_funds"),
    ("4000000000009987", "visa", CREDIT, FAILED, "lost_card"),
    ("4000000000009979", "visa", CREDIT, FAILED, "stolen_card"),
    ("4000000000000069", "visa", CREDIT, FAILED, "expired_card"),
    ("4000000000000127", "visa", CREDIT, FAILED, "incorrect_cvc"),
    ("4000000000000119", "visa", CREDIT, FAILED, "processing_error"),
]


def pay(sandbox: RunningSandbox, number: str, key: str = "attempt-1", return_url: str | None = RETURN_URL):
    method = sandbox.add_card(number, cvc="1234" if number.startswith("37") else "123")
    answer = sandbox.gateway.charge(
        key=key,
        account=NORTHWIND,
        amount_minor=12345,
        currency="USD",
        method_ref=method.gateway_ref,
        reference="INV-1",
        return_url=return_url,
    )
    return method, answer


def luhn(partial: str) -> str:
    """`partial` with the digit that makes it a well-formed card number."""
    total = 0
    for at, digit in enumerate(reversed(partial)):
        doubled = int(digit) * (2 if at % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return partial + str(-total % 10)


def real_looking(count: int) -> Iterator[str]:
    """Well-formed numbers of known brands that nobody published."""
    chosen, published = random.Random(7), {card.number for card in PUBLISHED}
    prefixes = [
        ("4", 16),
        ("51", 16),
        ("2221", 16),
        ("34", 15),
        ("37", 15),
        ("6011", 16),
        ("36", 14),
        ("4", 13),
        ("62", 19),
    ]
    while count:
        prefix, length = chosen.choice(prefixes)
        digits = prefix + "".join(chosen.choices("0123456789", k=length - len(prefix) - 1))
        if luhn(digits) not in published:
            yield luhn(digits)
            count -= 1


def forms(number: str) -> set[bytes]:
    """How a number could be written: raw, separated, encoded."""
    fours = [number[at : at + 4] for at in range(0, len(number), 4)]
    amex = [number[:4], number[4:10], number[10:]]
    texts = [
        number,
        *(separator.join(parts) for separator in " -._+" for parts in (fours, amex)),
        "%20".join(fours),
    ]
    found = {text.encode() for text in texts} | {text.encode().hex().encode() for text in texts}
    for text in texts:
        # Base64 of a longer text shows the number shifted by up to two bytes; its edges depend on the rest.
        for shift in range(3):
            found.add(base64.b64encode(b"x" * shift + text.encode())[4:-4])
    return (
        found
        | {one.upper() for one in found}
        | {int(number).to_bytes(8, "big"), int(number).to_bytes(8, "little")}
    )


def stored(sandbox: RunningSandbox) -> bytes:
    """Every byte the gateway keeps on disk, its write-ahead log too."""
    return b"".join(path.read_bytes() for path in sorted(sandbox.store_path.parent.iterdir()))


def open_setup(sandbox: RunningSandbox, key: str):
    return sandbox.gateway.create_setup(
        key=key, account=NORTHWIND, customer_ref="acme", return_url=RETURN_URL, kinds=[MethodKind.CARD]
    )


@pytest.mark.parametrize(("number", "brand", "funding", "status", "code"), BEHAVIOURS)
def test_each_published_card_behaves_as_listed(
    sandbox: RunningSandbox, number: str, brand: str, funding: Funding, status: ChargeStatus, code: str | None
):
    method, answer = pay(sandbox, number)
    assert (method.kind, method.brand, method.funding) == (MethodKind.CARD, brand, funding)
    assert (method.last4, method.exp_month, method.exp_year) == (number[-4:], 12, 2034)
    assert (answer.status, answer.failure_code) == (status, code)
    assert (answer.amount_minor, answer.currency) == (12345, "USD")
    assert (answer.failure_message is None) == (code is None)
    assert (answer.action_url is None) == (status is not ACTION)


def test_every_published_card_has_a_row_in_the_table_above():
    assert sorted(card.number for card in PUBLISHED) == sorted(row[0] for row in BEHAVIOURS)


def test_a_stolen_card_is_not_called_stolen_to_the_one_who_holds_it(sandbox: RunningSandbox):
    _, stolen = pay(sandbox, "4000000000009979", "a")
    _, generic = pay(sandbox, "4000000000000002", "b")
    assert stolen.failure_message == generic.failure_message


def test_a_card_that_wants_its_holder_fails_when_nobody_is_there(sandbox: RunningSandbox):
    _, answer = pay(sandbox, "4000002500003155", return_url=None)
    assert (answer.status, answer.failure_code) == (FAILED, "authentication_required")


def test_a_card_past_its_month_is_declined_when_charged(tmp_path: Path):
    from_now = [datetime(2026, 11, 22, tzinfo=UTC)]
    with running_at(tmp_path, from_now) as sandbox:
        method = sandbox.add_card(expiry="12/26")
        order = {
            "account": NORTHWIND,
            "amount_minor": 100,
            "currency": "CAD",
            "method_ref": method.gateway_ref,
            "reference": "INV-1",
            "return_url": None,
        }
        from_now[0] = datetime(2026, 12, 31, tzinfo=UTC)
        assert sandbox.gateway.charge(key="in-time", **order).status is OK
        from_now[0] = datetime(2027, 1, 1, tzinfo=UTC)
        late = sandbox.gateway.charge(key="late", **order)
        assert (late.status, late.failure_code) == (FAILED, "expired_card")


@pytest.mark.parametrize(
    ("field", "typed", "code"),
    [
        ("number", "", "listed on this page"),
        ("number", "4242 4242 4242 4241", "Only the published test numbers"),
        ("number", "４２４２４２４２４２４２４２４２", "Only the published test numbers"),
        ("expiry", "13/30", "as MM/YY"),
        ("expiry", "10/26", "past"),
        ("expiry", "12/99", "too far ahead"),
        ("cvc", "12", "3 digits"),
        ("cvc", "1234", "3 digits"),
        ("name", "", "name on the card"),
        ("name", "Petra 4", "name on the card"),
        ("postal_code", "", "ZIP or postal code"),
        ("postal_code", "<b>", "ZIP or postal code"),
    ],
)
def test_a_wrong_field_is_refused_at_the_field_and_nothing_is_kept(
    tmp_path: Path, field: str, typed: str, code: str
):
    with running_at(tmp_path, [datetime(2026, 11, 22, tzinfo=UTC)]) as sandbox:
        session = open_setup(sandbox, "k")
        answer = sandbox.type_card(**{"number": "4242424242424242", field: typed}, token=session.client_token)
        assert answer.status_code == 422
        assert code in answer.text.split(f'id="{field}-error">')[1].split("</span>")[0]
        assert answer.text.count("aria-invalid") == 1
        assert sandbox.gateway.read_setup(account=NORTHWIND, setup_id=session.id).status is SetupStatus.OPEN
        assert sandbox.events() == []


@pytest.mark.parametrize(
    "typed", ["4242-4242-4242-4242", " 4242 4242 4242 4242 ", "4242\u00a04242\u00a042424242"]
)
def test_separators_in_a_number_do_not_matter(sandbox: RunningSandbox, typed: str):
    assert sandbox.add_card(typed).last4 == "4242"


@pytest.mark.parametrize("typed", ["1234", "12/34", "12 / 34", "12/2034"])
def test_an_expiry_can_be_typed_as_phones_fill_it_in(sandbox: RunningSandbox, typed: str):
    method = sandbox.add_card(expiry=typed)
    assert (method.exp_month, method.exp_year) == (12, 2034)


@pytest.mark.prove
def test_no_number_is_kept_logged_or_shown_again(sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    refused, shown = list(real_looking(rounds(20, 150))), []
    session = open_setup(sandbox, "refused")
    for at, number in enumerate(refused):
        typed = number if at % 2 else " ".join(number[i : i + 4] for i in range(0, len(number), 4))
        # Half the time the number is in a wrong box as well.
        boxes = {"name": typed, "postal_code": typed, "expiry": typed} if at % 4 < 2 else {}
        answer = sandbox.type_card(
            typed, token=session.client_token, page="fields" if at % 3 else "setup", **boxes
        )
        assert answer.status_code == 422, number
        shown.append(answer.content)
    assert sandbox.gateway.read_setup(account=NORTHWIND, setup_id=session.id).status is SetupStatus.OPEN
    for row in BEHAVIOURS:
        pay(sandbox, row[0], key=row[0][-6:])
    kept = stored(sandbox)
    logged = "\n".join(record.getMessage() + str(record.args) for record in caplog.records).encode()
    assert b"POST" in logged
    assert b"acme" in kept
    hits = [
        (number, form, place)
        for number in [*refused, *(row[0] for row in BEHAVIOURS)]
        for form in forms(number)
        for place, text in (("store", kept), ("log", logged))
        if form in text
    ]
    assert hits == []
    assert not [
        number for number, page in zip(refused, shown, strict=True) for form in forms(number) if form in page
    ]
    for personal in (CARD["name"], CARD["postal_code"]):
        assert personal.encode() not in kept


def test_the_search_for_numbers_finds_them_where_they_are():
    for text in (b'{"a":"4242424242424242"}', b"pan=4242+4242+4242+4242", b"4242-4242-4242-4242"):
        for written in (text, base64.b64encode(text), base64.b64encode(b"\n" + text), text.hex().encode()):
            assert any(form in written for form in forms("4242424242424242")), written


def test_the_same_card_has_one_fingerprint_per_account(sandbox: RunningSandbox):
    first, again = sandbox.add_card(), sandbox.add_card(customer_ref="globex")
    other = sandbox.add_card("5555555555554444")
    foreign = sandbox.add_card(account=CONTOSO)
    assert first.fingerprint == again.fingerprint
    assert first.gateway_ref != again.gateway_ref
    assert len({first.fingerprint, other.fingerprint, foreign.fingerprint}) == 3


def running_at(tmp_path: Path, now: list[datetime]):
    """A gateway whose clock shows `now[0]`."""
    return running_sandbox(tmp_path / "gateway" / "sandbox.sqlite3", deliver=False, clock=lambda: now[0])
