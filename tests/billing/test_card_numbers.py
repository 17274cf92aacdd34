"""Card numbers in texts: every published one found, next to no phone or invoice number mistaken (G-1)."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.card_numbers import (
    contains_card_number,
    find_card_number,
    mask_bank_numbers,
    mask_card_numbers,
    refuse_card_numbers,
)
from errors import Invalid
from tests.figures import rounds

# Published for tests by Stripe, PayPal, Braintree, Adyen, Authorize.Net, Worldpay and Cybersource.
PUBLISHED_TEXT = """
4242424242424242 4000056655665556 4111111111111111 4012888888881881 4000001240000000 4000002500003155
4000000000000002 4000000000009995 4005519200000004 4009348888881881 4012000033330026 4217651111111119
4500600000000061 4917610000000000 4917610000000000003 4222222222222 4007000000027 4012888818888
4911830000000 5555555555554444 5200828282828210 5105105105105100 2223003122003222 2223000048400011
2222420000001113 2222630000001125 378282246310005 371449635398431 378734493671000 370000000000002
6011111111111117 6011000990139424 6011981111111113 6011000000000012 6011000991300009 6555900000604105
3056930009020004 36227206271667 36259600000004 38000000000006 30569309025904 38520000023237
3566002020360505 3530111333300000 3566111111111113 3088000000000017 6200000000000005 6200000000000047
6205500000000000004 6243030000000001 6221261111117766 6223164991230014 6304000000000000 6759411100000008
6759560045005727054 50339619890917 586824160825533338 5641821111166669 6331101999990016 5019717010103742
5610591081018250 6703444444444449 6771798021000008
"""
PUBLISHED = PUBLISHED_TEXT.split()

# Shaped like cards and none: IMEIs (which all pass the Luhn check), UUIDs, IPs, dates, EINs, wire details.
INNOCENT = [
    "IMEI 356938035643809, 490154203237518 and 352099001761481",
    "41111111-1111-4111-8111-111111111111",
    "hosts 45.33.32.156 52.14.201.77 192.168.100.20",
    "paid 2026-11-22 14:05:09 and 2026-12-01 09:00:00",
    "12-3456789 98-7654321",
    "Wire: ABA 021000021, account 000123456789, SWIFT CHASUS33",
    "IBAN GB29 NWBK 6016 1331 9268 19",
    "4111 1111 1111 1112",
    "4242 4242 4242",
    "4000.00 5200.00 1200.00",
    "amounts 4500.00 5200.00 45.01",
    "40012345\n40012347",
    "49 89 123456782",
    "416-555-0199 647-555-0123",
    "invoices 4012, 8888, 8888, 1881",
    "9400111899223197428490",
]


def luhn_passing(prefix, length, draw):
    """A made-up number of that length with a right check digit; shares no code with what is tested."""
    digits = prefix + "".join(draw.choice("0123456789") for _ in range(length - 1 - len(prefix)))
    doubled = sum(int("0246813579"[int(digit)]) for digit in digits[::-2])
    return digits + str(-(doubled + sum(map(int, digits[-2::-2]))) % 10)


def grouped(digits, separator, *sizes):
    sizes, parts = list(sizes), []
    while digits:
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        parts.append(digits[:size])
        digits = digits[size:]
    return separator.join(parts)


@pytest.mark.parametrize("number", PUBLISHED)
def test_every_published_test_number_is_found(number):
    amex_or_diners = (4, 6, 5) if len(number) in (14, 15) else (4,)
    for text in (
        number,
        f"card:{number}.",
        f"ref{number}x",
        f"é {number}\nthanks",
        grouped(number, " ", *amex_or_diners),
        f"pay with {grouped(number, '-', *amex_or_diners)} 12/28 cvc 123, call 416 555 0199",
        grouped(number, ".", 4),
        grouped(number, "\u00a0", *amex_or_diners),
        grouped(number, " – ", 4),
        grouped(number, "  ", 4),
        grouped(number, "_", 4),
        grouped(number, "\t", 4),
        grouped(number, "\n", 4),
        grouped(number, "%20", 4),
        grouped(number, "+", 4),
        grouped(number, "\u200b", 1),
        "".join(chr(ord("０") + int(digit)) for digit in number),
        "".join(chr(ord("٠") + int(digit)) for digit in number),
        "".join(chr(0x1D7CE + int(digit)) for digit in number),
        "".join(f"%3{digit}" for digit in number),
        "".join(f"{digit}\ufe0f\u20e3" for digit in number),
    ):
        assert find_card_number(text) == number, text
        assert mask_card_numbers(text).count(f"[card ****{number[-4:]}]") == 1
        assert not contains_card_number(mask_card_numbers(text))


@pytest.mark.parametrize("number", [number for number in PUBLISHED if len(number) > 13])
@pytest.mark.parametrize("sizes", [(1,), (2,), (3,), (5,), (6, 10), (8,), (4, 12), (12, 4)])
def test_unusual_groups_are_found_when_they_stand_alone(number, sizes):
    assert find_card_number(f"number {grouped(number, ' ', *sizes)}, thanks") == number


@pytest.mark.parametrize("text", ["", "0", *INNOCENT])
def test_other_numbers_are_left_alone(text):
    assert not contains_card_number(text)
    assert mask_card_numbers(text) == text


@pytest.mark.parametrize("number", PUBLISHED)
def test_a_wrong_check_digit_is_no_card(number):
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert not contains_card_number(wrong)


def test_a_plus_sign_means_a_phone_unless_the_number_is_too_long_for_one():
    assert contains_card_number("4222222222222")
    assert not contains_card_number("+4222222222222")
    assert not contains_card_number("+(4222222222222)")
    assert contains_card_number("+4242424242424242")


def test_the_mask_keeps_the_last_four_and_everything_around():
    text = "a 4242 4242 4242 4242 b 378282246310005, ５５５５５５５５５５５５４４４４!"
    assert mask_card_numbers(text) == "a [card ****4242] b [card ****0005], [card ****4444]!"


def test_overlapping_numbers_leave_nothing_of_either():
    assert mask_card_numbers("4242 4242 4242 4242 4242") == "[card ****4242][card ****4242]"
    # Nineteen digits whose first sixteen pass on their own.
    assert mask_card_numbers("4917 6100 0000 0000 003") == "[card ****0003]"


@pytest.mark.parametrize("prefix", ["2220", "2721", "1", "40", "7", "9"])
def test_numbers_of_no_brand_are_left_alone(prefix):
    draw = random.Random(1)
    lengths = (14, 15, 17, 18) if prefix == "40" else range(13, 20)
    for length in lengths:
        assert not contains_card_number(luhn_passing(prefix, length, draw))


def test_refusing_names_every_field_that_holds_a_card_and_repeats_none():
    with pytest.raises(Invalid) as refused:
        refuse_card_numbers(
            {"memo": "4242424242424242", "name": "Acme", "note": None, "po": "3782 822463 10005"}, ("input",)
        )
    assert [(problem.code, problem.path) for problem in refused.value.problems] == [
        ("CARD_NUMBER", ("input", "memo")),
        ("CARD_NUMBER", ("input", "po")),
    ]
    assert not re.search(r"\d", str(refused.value))
    refuse_card_numbers({"memo": "call 416 555 0199", "note": None})


def test_bank_numbers_are_cut_to_their_last_four():
    assert (
        mask_bank_numbers("ABA 021000021 acct 000123456789, 12345678")
        == "ABA ****0021 acct ****6789, 12345678"
    )
    assert mask_bank_numbers("acct12345678901234567") == "acct****4567"
    assert mask_bank_numbers("ABA021000021") == "ABA****0021"
    assert mask_bank_numbers("٠٢١٠٠٠٠٢١") == "****٠٠٢١"


@pytest.mark.parametrize(
    "kept",
    [
        "0192f1c4-1234-7123-8123-123456789012",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "00f067aa0ba902b7",
        "2026-11-22T10:00:00Z",
    ],
)
def test_ids_and_times_stay_readable_in_logs(kept):
    assert mask_bank_numbers(f"id={kept} done") == f"id={kept} done"


def phone(draw):
    area, office, line = draw.randrange(201, 990), draw.randrange(200, 1000), f"{draw.randrange(10_000):04d}"
    forms = [
        f"({area}) {office}-{line}",
        f"{area}-{office}-{line}",
        f"{area}.{office}.{line}",
        f"+1 {area} {office} {line}",
        f"1{area}{office}{line}",
        f"{area}-{office}-{line} x{draw.randrange(10_000)}",
        f"{area} {office} {line} / {draw.randrange(201, 990)} {draw.randrange(200, 1000)} {line}",
        f"+44 20 {draw.randrange(10**4):04d} {draw.randrange(10**4):04d}",
        f"+49 {draw.choice(['151', '160', '171'])} {draw.randrange(10**8):08d}",
        f"0049{draw.choice(['151', '160', '171'])}{draw.randrange(10**8):08d}",
        f"49{draw.choice(['151', '160', '171'])}{draw.randrange(10**8):08d}",
        f"+52 1 55 {draw.randrange(10**4):04d} {draw.randrange(10**4):04d}",
        f"+55 11 9{draw.randrange(10**4):04d}-{draw.randrange(10**4):04d}",
        f"+86 138 {draw.randrange(10**4):04d} {draw.randrange(10**4):04d}",
        f"+33 6 {draw.randrange(100):02d} {draw.randrange(100):02d} {draw.randrange(100):02d} 12",
    ]
    return draw.choice(forms)


def invoice_number(draw):
    if draw.random() < 0.01:  # some utilities number accounts and bills with as many digits as a card
        return str(draw.randrange(10**15, 10**16))
    year, month, count = draw.randrange(2019, 2027), draw.randrange(1, 13), draw.randrange(10**6)
    forms = [
        f"INV-{count:06d}",
        f"{year}-{count:06d}",
        f"{year}{month:02d}{count:07d}",
        f"{year}{month:02d}{draw.randrange(1, 29):02d}-{count:08d}",
        f"SI{draw.randrange(10**8):08d}",
        f"PO {4500000000 + count}",
        f"{4500000000 + count}-{draw.randrange(1, 100) * 10:05d}",
        f"{count}/{year}",
        f"INV {draw.randrange(10**10):010d}",
        f"{draw.randrange(10**12):012d}",
        f"invoices {count}, {count + 1} and {count + 2}",
        f"113-{draw.randrange(10**7):07d}-{draw.randrange(10**7):07d}",
        f"{draw.randrange(10**4):04d}-{draw.randrange(10**4):04d}-{draw.randrange(10**4):04d}",
        f"{draw.randrange(10**8):08X}-{count % 10_000:04d}",
    ]
    return draw.choice(forms)


@pytest.mark.parametrize("draw_one", [phone, invoice_number])
def test_at_most_one_false_alarm_in_a_thousand(draw_one):
    draw = random.Random(20261122)
    alarms = [text for text in (draw_one(draw) for _ in range(10_000)) if contains_card_number(text)]
    assert len(alarms) <= 10, alarms


@pytest.mark.prove
def test_made_up_cards_of_every_brand_are_found_and_masked_in_any_text():
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    brands = [("4", 13), ("4", 16), ("4", 19), ("51", 16), ("2720", 16), ("34", 15), ("37", 15), ("6011", 16)]
    brands += [
        ("2221", 16),
        ("2719", 16),
        ("36", 14),
        ("3528", 16),
        ("3589", 16),
        ("62", 16),
        ("62", 19),
        ("500766", 16),
        ("6759", 18),
    ]
    for _ in range(rounds(2_000, 100_000)):
        number = luhn_passing(*draw.choice(brands), draw)
        if re.fullmatch(r"491[567]\d{9}", number):
            continue  # thirteen digits of a German mobile phone
        around = draw.choice(
            [("", ""), ("Card ", "."), (phone(draw) + "; ", ", " + phone(draw)), ("«", "»\n12/28")]
        )
        written = grouped(number, draw.choice(["", " ", "-", ".", "\u2009", "\u2011"]), 4)
        text = written.join(around)
        assert contains_card_number(text), text
        assert number not in re.sub(r"[^0-9]", "", mask_card_numbers(written)), text


@given(st.text(max_size=80) | st.text("0123456789 -.+%\n", max_size=80))
def test_masking_is_stable_and_leaves_no_card(text):
    masked = mask_card_numbers(text)
    assert not contains_card_number(masked)
    assert mask_card_numbers(masked) == masked
    assert (masked == text) == (not contains_card_number(text))
