"""What the portal's pages have in common: whose portal it is, and what a role may do there."""

from uuid import UUID

from auth.actors import Action, Actor
from errors import Forbidden, NotFound
from portal.page import Page


def company_of(actor: Actor) -> UUID:
    """The customer whose portal this is. Every actor who comes through the portal's door has one."""
    if actor.customer_id is None:
        raise NotFound
    return actor.customer_id


def require(page: Page, action: Action) -> None:
    """Refuse (Forbidden) a page to do something on, to whoever could not do it anyway."""
    if action.value not in page.shell.rights:
        raise Forbidden
