"""A page of everything: what test_look.py shows to a browser, and what a developer can look at."""

from datetime import UTC, datetime
from pathlib import Path

from jinja2 import FileSystemLoader

from errors import Invalid, Problem
from portal.assets import Assets
from portal.badges import TONES
from portal.form import Form
from portal.render import Renderer
from portal.shell import Entry, Flash, Link, Looking, Shell, at

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "portal" / "static"

PARTNER_NAV = (
    Entry("Home", "/partner/northwind", "house"),
    Entry(
        "Accounts Receivable",
        children=(
            Entry(
                "Customers",
                icon="users",
                children=(Entry("All customers", "/partner/northwind/customers"),),
            ),
            Entry("Invoices", "/partner/northwind/invoices", "file-text"),
            Entry("Payments", "/partner/northwind/payments", "wallet"),
        ),
    ),
    Entry("Organize", children=(Entry("Tags", "/partner/northwind/tags", "tags"),)),
)
PORTAL_NAV = (
    Entry("Invoices", "/portal/acme/invoices", "file-text"),
    Entry("Payment methods", "/portal/acme/payment-methods", "credit-card"),
    Entry("Tags", "/portal/acme/tags", "tags"),
    Entry("Team", "/portal/acme/team", "users"),
    Entry("Account", "/portal/acme/account", "settings"),
)
MENU = (Link("Your profile", "/x", "user"), Link("Switch account", "/x", "repeat"))

PARTNER = Shell(
    place="Northwind",
    partner="Northwind",
    home="/partner/northwind",
    person="Ada Winter",
    email="ada@northwind.example",
    role="Admin",
    sign_out="/sign-out",
    csrf_token="token",
    nav=at(PARTNER_NAV, "/partner/northwind/customers"),
    menu=MENU,
    flashes=(Flash("success", "Acme is active. Carl and Petra were invited."),),
    search="/partner/northwind/search",
)
CUSTOMER = Shell(
    place="Acme Holdings",
    partner="Northwind",
    home="/portal/acme",
    person="Petra Vogel",
    email="petra@acme.example",
    role="Payer",
    sign_out="/sign-out",
    csrf_token="token",
    nav=at(PORTAL_NAV, "/portal/acme/invoices/42"),
    menu=MENU,
    flashes=(Flash("danger", "The card was declined. Try another card."),),
    looking=Looking(
        "Ada Adams",
        "Petra Vogel",
        datetime(2026, 11, 27, 15, 30, tzinfo=UTC),
        "/partner/northwind/as/as_1/end",
    ),
)
CRUMBS = (
    Link("Accounts Receivable"),
    Link("Customers", "/partner/northwind/customers"),
    Link("All customers"),
)
ROWS = [
    {
        "company": company,
        "city": city,
        "status": status,
        "createdOn": created,
        "balance": {"amount": balance, "currency": currency},
        "tags": [{"name": name, "colour": colour} for name, colour in tags],
    }
    for company, city, status, created, balance, currency, tags in [
        ("Acme Holdings", "Springfield, IL", "ACTIVE", "2026-11-20", "1234.50", "USD",
         [("Managed", "#0b7285"), ("Net 30", "#a8760a")]),
        ("Bluebird Dental Partners of Greater Schenectady", "Schenectady, NY", "OVERDUE", "2026-11-18",
         "12640.50", "USD", [("Health", "#c2255c")]),
        ("Érablière du Nord", "Québec, QC", "SETUP", None, "0.00", "CAD", []),
        ("Foxglove & Sons <script>alert(1)</script>", "Albany, NY", "ACTIVE", "2026-10-02", "310.00", "USD",
         [("VIP", "#862e9c")]),
        ("Greenfield School District", "Peoria, IL", "ARCHIVED", "2025-01-31", "-48.20", "USD", []),
    ]
]  # fmt: skip

WRONG = Form.parsed(
    b"company=&legal_name=Acme+Holdings+Inc.&ein=12-34&address-line1=1+Main+St&address-city=Springfield"
    b"&address-state=IL&address-postal_code=6270&address-country=US&limit=12x&colour=%23123456&terms=60"
    b"&password=secret-typed-here&email=acme"
).with_problems(
    Invalid(
        [
            Problem("REQUIRED", ("company",), "Enter the company's name."),
            Problem("EIN", ("ein",), "Enter the EIN as XX-XXXXXXX."),
            Problem("ZIP", ("address", "postal_code"), "Enter the ZIP as 12345 or 12345-6789."),
            Problem("MONEY", ("limit",), "Enter an amount such as 1234.50."),
            Problem("STATE", ("address", "state"), "Choose the state again."),
            Problem("ELSEWHERE", ("external_id",), "This external id is taken. Choose another one."),
        ]
    )
)
USERS = Form.parsed(
    b"users-0-name=Carl&users-0-email=carl%40acme.example&users-1-name=Petra&users-1-email=petra&_pressed=add-users"
).with_problems(
    Invalid.at("users", 1, "email", message="Enter an e-mail address such as petra@acme.example.")
)

PAGES = {
    "list": ("list.html", {"shell": PARTNER, "rows": ROWS, "crumbs": CRUMBS}),
    "wizard": ("wizard.html", {"shell": PARTNER, "form": WRONG, "crumbs": CRUMBS, "step": 1}),
    "users": ("wizard.html", {"shell": PARTNER, "form": USERS, "crumbs": CRUMBS, "step": 2}),
    "details": ("details.html", {"shell": CUSTOMER, "crumbs": CRUMBS, "statuses": list(TONES)}),
    "comfort": ("comfort.html", {}),
    "sign_in": ("sign_in.html", {"form": Form(), "place": "Northwind"}),
}


def renderer() -> Renderer:
    """The real renderer, which also finds the sample pages beside this file."""
    made = Renderer(TEMPLATES, Assets(STATIC), time_zone="America/New_York")
    made.environment.loader = FileSystemLoader([TEMPLATES, Path(__file__).parent / "templates"])
    return made


def page(name: str) -> str:
    """One sample page, or a refusal by its status."""
    if name.isdecimal():
        return renderer().refusal(int(name), correlation_id="0197-4c1e", retry_after=90)
    template, context = PAGES[name]
    return renderer().render(template, **context)
