"""Every page's route. What is not listed here does not exist, and every entry stands behind a door."""

from starlette.routing import BaseRoute, Route

from portal import (
    account,
    billing_link,
    brand_files,
    email_change,
    factors,
    first_run,
    fresh_links,
    grants,
    guest_paying,
    language,
    links,
    login,
    mailbox,
    mailed_code,
    passkey_sign_in,
    passkeys,
    pay_links,
    profile,
    second_step,
    signed_in,
)
from portal.customer import ROUTES as CUSTOMER_ROUTES
from portal.door import visitor
from portal.partner import ROUTES as PARTNER_ROUTES

ROUTES: list[BaseRoute] = [
    *login.ROUTES,
    *language.ROUTES,
    *links.ROUTES,
    *first_run.ROUTES,
    *second_step.ROUTES,
    *account.ROUTES,
    *profile.ROUTES,
    *email_change.ROUTES,
    *billing_link.ROUTES,
    *factors.ROUTES,
    *passkeys.ROUTES,
    *passkey_sign_in.ROUTES,
    *mailed_code.ROUTES,
    *signed_in.ROUTES,
    *brand_files.ROUTES,
    *pay_links.ROUTES,
    *guest_paying.ROUTES,
    *fresh_links.ROUTES,
    *PARTNER_ROUTES,
    *CUSTOMER_ROUTES,
    *grants.ROUTES,
]

# Only in the demo, on loopback: mails hold live links.
DEMO_ROUTES: list[BaseRoute] = [
    Route("/demo/mails", visitor(mailbox.list_mails)),
    Route("/demo/mails/{name}", visitor(mailbox.show_mail)),
]
