"""Where one can go: the side navigation of the dashboard and of the portal, and the shell around a page.

Surprise: what a role may not do is left out here for comfort only; the rules refuse it anyway.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from languages import ENGLISH, known, mark
from portal.brand import brand_of
from portal.house import Place
from portal.shell import Entry, Flash, Link, Looking, Shell, Support, at

ROLES = {
    "ADMIN": mark("Admin"),
    "SUB_ADMIN": mark("Sub-admin"),
    "MEMBER": mark("Member"),
    "READ_ONLY": mark("Read-only"),
    "MANAGER": mark("Manager"),
    "PAYER": mark("Payer"),
    "VIEWER": mark("Viewer"),
}
# One's own account, in the menu of every page.
OWN = (
    Link(mark("Switch account"), "/accounts?switch=1", "building-2"),
    Link(mark("Profile"), "/account/profile", "users"),
    Link(mark("Password"), "/account/password", "key-round"),
    Link(mark("Second step"), "/account/factors", "shield-check"),
    Link(mark("Signed-in browsers"), "/account/sessions", "log-out"),
)


def dashboard(home: str, rights: frozenset[str], unread: int = 0) -> tuple[Entry, ...]:
    """The partner dashboard's places, for whoever has these rights and as many conversations to read."""
    keys = (Entry(mark("API keys"), f"{home}/api-keys", "key-round"),) if "api_keys:write" in rights else ()
    log = (Entry(mark("Audit log"), f"{home}/audit", "scroll-text"),) if "audit:read" in rights else ()
    return (
        Entry(mark("Home"), home, "house"),
        Entry(
            mark("Accounts Receivable"),
            children=(
                Entry(mark("Customers"), icon="users", children=(
                    Entry(mark("All customers"), f"{home}/customers"),
                    Entry(mark("Tag management"), f"{home}/tags"),
                    Entry(mark("Pending invites"), f"{home}/invites"),
                    Entry(mark("Access requests"), f"{home}/access-requests"),
                )),
                Entry(mark("Invoices"), f"{home}/invoices", "file-text"),
                Entry(mark("Recurring invoices"), f"{home}/recurring", "repeat"),
                Entry(mark("Credit notes"), f"{home}/credit-notes", "receipt"),
                Entry(mark("Conversations"), f"{home}/conversations", "inbox", unread=unread),
                Entry(mark("Payments"), f"{home}/payments", "wallet"),
            ),
        ),
        Entry(mark("Settings"), children=(
            Entry(mark("Business profile"), f"{home}/settings/profile", "building-2"),
            Entry(mark("Brand"), f"{home}/settings/brand", "palette"),
            Entry(mark("Invoice settings"), f"{home}/settings/invoices", "receipt"),
            Entry(mark("Products and services"), f"{home}/settings/catalogue", "tags"),
            Entry(mark("Tax rates"), f"{home}/settings/tax-rates", "badge-percent"),
            Entry(mark("Sign-in policy"), f"{home}/settings/sign-in", "lock"),
            Entry(mark("Team"), f"{home}/team", "shield-check"), *keys, *log,
        )),
    )  # fmt: skip


def portal(home: str, unread: int = 0) -> tuple[Entry, ...]:
    """The customer portal's places, for whoever has as many conversations to read."""
    return (
        Entry(mark("Invoices"), f"{home}/invoices", "file-text"),
        Entry(mark("Payments"), f"{home}/payments", "wallet"),
        Entry(mark("Credit notes"), f"{home}/credit-notes", "receipt"),
        Entry(mark("Conversations"), f"{home}/conversations", "inbox", unread=unread),
        Entry(mark("Statement"), f"{home}/statement", "scroll-text"),
        Entry(mark("Payment methods"), f"{home}/payment-methods", "credit-card"),
        Entry(mark("Tags"), f"{home}/tags", "tag"),
        Entry(mark("Team"), f"{home}/team", "users"),
    )


def shell_for(
    viewer: Mapping[str, Any],
    where: Place,
    path: str,
    *,
    csrf_token: str,
    said: Flash | None,
    ends_in: timedelta,
    looking: Looking | None = None,
) -> Shell:
    """The shell of a page at `where`, from the layout fragment's `viewer`; its session ends in `ends_in`.

    Staff who are only `looking` get nothing that is the person's own: no account, no signing out.
    """
    in_portal, unread = where.kind == "portal", viewer["unreadThreadCount"]
    rights = frozenset(viewer["scopes"])
    partner = viewer["partner"]["name"]
    support = Support(*(viewer["partner"][name] for name in ("supportEmail", "supportPhone", "supportUrl")))
    brand = brand_of(viewer["partner"]["accent"], viewer["partner"]["logo"])
    return Shell(
        place=viewer["customer"]["company"] if in_portal else partner,
        partner=partner,
        home=where.home,
        person=viewer["name"],
        email=viewer["email"] or "",
        role=ROLES[viewer["role"]],
        sign_out="/sign-out",
        search=None if in_portal else f"{where.home}/search",
        csrf_token=csrf_token,
        rights=rights,
        time_zone=viewer["timeZone"]
        or (in_portal and viewer["customer"]["timeZone"])
        or viewer["partner"]["timeZone"],
        nav=at(_nav(where.home, rights, unread or 0, in_portal=in_portal), _listed_at(where.home, path)),
        menu=() if looking else OWN,
        flashes=(said,) if said else (),
        ends_in=ends_in,
        support=support,
        brand=brand,
        looking=looking,
        unread=unread,
        language=known(viewer["partner"]["locale"]) or ENGLISH,
    )


def _listed_at(home: str, path: str) -> str:
    """Where the navigation has what is at `path`: payments from outside among payments, and a conversation,
    whose address is below its invoice's, among conversations.
    """
    below = path.removeprefix(home)
    if below.startswith("/outside-payments"):
        return f"{home}/payments{below}"
    return f"{home}/conversations/one" if "/threads/" in below else path


def _nav(home: str, rights: frozenset[str], unread: int, *, in_portal: bool) -> tuple[Entry, ...]:
    return portal(home, unread) if in_portal else dashboard(home, rights, unread)
