"""The portal's team: the company's people, whom its Managers let in and take out.

Surprise: revoking an invite only kills its link. The colleague stays in the list and can be invited again.
What is done to one colleague stands in portal/team_pages.py, for both sides.
"""

from datetime import datetime

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from auth.memberships import Membership
from billing import customer_users
from languages import mark
from portal.customer.company import company_of
from portal.door import customer
from portal.navigation import ROLES
from portal.page import ask, show
from portal.paging import counted, neighbours, window
from portal.shell import Link
from portal.team_pages import Team, address_of_list, last_of

# What each may do, as the form tells it.
OFFERED = (
    ("PAYER", mark("Payer"), mark("Views and pays invoices, adds and removes cards, tags.")),
    ("MANAGER", mark("Manager"), mark("Everything a Payer does, and looks after the team.")),
    ("VIEWER", mark("Viewer"), mark("Views and prints only.")),
)
# What the partner's staff did who looked at this portal (`auth.impersonations`).
LOOKS = {
    "impersonation.started": mark("Looked at this portal"),
    "impersonation.ended": mark("Stopped looking"),
    "impersonation.refused": mark("Tried a change, which was refused"),
}


async def list_team(request: Request) -> Response:
    """Who has access, and who is invited."""
    page = await ask(request, "customer/team/list", **window(request))
    looks = await _looks(request) if Action.VIEW_AUDIT.value in page.shell.rights else None
    found = page.content["me"]["customer"]["users"]
    before, after = neighbours(request, found["pageInfo"])
    return show(
        request, "customer/team/list.html", page, users=found["nodes"], roles=ROLES, looks=looks,
        last=last_of(page.content["me"]["customer"]["heads"]),
        count=counted(found["totalCount"], "person", "people"),
        before=before, after=after,
    )  # fmt: skip


async def _looks(request: Request) -> list[tuple[str, str, str]]:
    """When whom of the partner looked at this portal, the latest first."""
    page = await ask(request, "customer/team/looks")
    return [
        (row["at"], row["actorName"], LOOKS[row["action"]])
        for row in page.content["me"]["customer"]["auditEvents"]["nodes"]
    ]


def _invite(db: Session, actor: Actor, *, now: datetime, **typed: str) -> Membership:
    return customer_users.invite(db, actor, customer_id=company_of(actor), **typed, now=now)


TEAM = Team(
    path="/portal/{slug}/team",
    door=customer,
    layout="layout/portal.html",
    document="customer/team/one",
    plain="customer/plain",
    rules=customer_users,
    manage=Action.MANAGE_USERS,
    offered=OFFERED,
    default="PAYER",
    mine=lambda user: True,
    invite=_invite,
    trail=lambda request: [Link(mark("Team"), address_of_list(request))],
)
ROUTES = [Route(TEAM.path, customer(list_team)), *TEAM.routes()]
