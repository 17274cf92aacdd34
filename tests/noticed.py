"""A-2, A-11: which tests are asked about a tenant predicate, and which of them noticed that it was gone.

`python -m tests.predicates` writes tests/noticed.txt: for each predicate that a test noticed, that test. What
no test can notice stands with its reason in tests/covered.py. tests/test_noticed.py keeps both lists current.
"""

from collections.abc import Callable
from fcntl import LOCK_EX, flock
from pathlib import Path
from tempfile import gettempdir

NOTICED = Path(__file__).with_name("noticed.txt")
_TITLE = "# The test that noticed each tenant predicate's absence, by `python -m tests.predicates`.\n"
_IMPORTS = "customer_imports customer_import_files customer_import_users"
_PAID = "payments payment_methods payment_shown"
# Tests that bring twins of their own, instead of those of tests/twins.py.
OWN_TWINS = (
    "tests/auth/test_unguarded.py",
    "tests/billing/test_among_twins.py",
    "tests/billing/test_imports_among_twins.py",
    "tests/billing/test_invoice_views.py",
    "tests/billing/test_late_among_twins.py",
    "tests/billing/test_lists_among_twins.py",
    "tests/billing/test_reading_among_twins.py",
    "tests/billing/test_thread_words.py",
    "tests/billing/test_untied.py",
    "tests/billing/test_untied_stories.py",
    "tests/billing/test_refused_first.py",
    "tests/billing/test_strangers.py",
    "tests/billing/test_voided_mails.py",
    "tests/auth/test_siblings.py",
    "tests/integrations/test_letters_among_twins.py",
)
# Where the modules of a package are tried: below tests/<package>/, unless the name tells another place.
ASKED = {
    "auth": dict.fromkeys(
        (
            "accepting",
            "api_keys",
            "authority",
            "companies",
            "erasing",
            "invites",
            "memberships",
            "profiles",
            "replays",
        ),
        "unguarded strangers replays memberships team invites accepting api_keys profiles"
        " billing/erasing billing/erasing_former billing/untied billing/untied_stories"
        " billing/refused_first siblings",
    ),
    "billing": {
        "access_requests": "access_requests strangers",
        "bounces": "integrations/bounces invoice_recipients",
        "brand": "brand partners",
        "credit_notes": "crediting credit_note_sending",
        "credit_papers": "crediting",
        "customer_import_reading": _IMPORTS,
        "customer_import_repeats": _IMPORTS,
        "customer_import_rows": _IMPORTS,
        "customer_import_users": _IMPORTS,
        "customer_imports": f"{_IMPORTS} erasing",
        "customer_notes": "erasing erasing_former strangers",
        "customer_rows": _IMPORTS,
        "customers": "customers customer_users customer_bulk customer_races strangers tags",
        "duplicates": f"customers {_IMPORTS}",
        "erasing": "erasing erasing_former",
        "fixed_currency": f"customers invoices {_IMPORTS}",
        "import_stages": f"{_IMPORTS} import_stages invoice_imports erasing",
        "invite_reminders": "customer_users",
        "invoice_balances": f"{_PAID} invoices outside_payments ledger",
        "invoice_import_cells": "invoice_imports",
        "invoice_import_reading": "invoice_imports",
        "invoice_import_rows": "invoice_imports",
        "invoice_imports": "invoice_imports erasing",
        "invoice_life": "invoices ledger outside_payments",
        "invoice_rows": "invoice_imports",
        "invoice_sending": "invoice_recipients invoice_bulk invoices",
        "invoices": "invoices strangers invoice_scheduling recurring_invoices",
        "ledger": "ledger invoices payments",
        "outside_payments": "outside_payments ledger",
        "papers": "statements payments invoices",
        "payment_methods": _PAID,
        "payments": f"{_PAID} ledger",
        "pending_invites": "customer_users",
        "presets": "catalogue",
        "recurring_making": "recurring_invoices",
        "recurring_words": "recurring_words recurring_invoices",
        "search": "search customers",
        "settling": f"{_PAID} money/reconciling",
        "statements": "statements outside_payments",
        "tags": "tags strangers tag_merging",
        "tax_rates": "catalogue",
        "telling": f"{_PAID} outside_payments",
        "thread_reading": "thread_reading reading_among_twins",
        "unread_threads": "thread_reading reading_among_twins",
    },
    "integrations": dict.fromkeys(
        ("inbox", "reconciling", "access_letters", "letters", "outgoing"),
        "letters_among_twins letters inbox method_setups money/reconciling",
    ),
}


def tests_of(package: str, module: str) -> list[str]:
    """The files of tests that a module's predicates are asked of."""
    names = ASKED[package].get(module, module).split()
    if package == "billing":
        names += ["untied", "untied_stories", "refused_first", "among_twins"]
        names += ["imports_among_twins", "lists_among_twins"]
    parts = [name if "/" in name else f"{package}/{name}" for name in names]
    return [f"tests/{part.replace('/', '/test_')}.py" for part in parts]


def noticed() -> dict[str, str]:
    """The test that noticed each predicate's absence, as it is written down."""
    lines = NOTICED.read_text().splitlines() if NOTICED.exists() else []
    return dict(line.rsplit(" -> ", 1) for line in lines if " -> " in line)  # type: ignore[misc]


def remember(name: str, test: str) -> None:
    """Write down which test noticed that this one was gone. Two hunts may write at once."""
    _write(lambda known: known | {name: test})


def forget(names: list[str]) -> None:
    """Who is hunted anew has been noticed by nobody."""
    _write(lambda known: {name: test for name, test in known.items() if name not in names})


def _write(change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    with Path(gettempdir(), "remit-noticed.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        lines = [f"{name} -> {test}\n" for name, test in sorted(change(noticed()).items())]
        NOTICED.write_text(_TITLE + "".join(lines))
