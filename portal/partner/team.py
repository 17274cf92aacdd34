"""The dashboard's Team: the partner's own people, whom its Admins let in and take out.

Surprise: what a role may do is not written here: the page's table is made from the table the rules ask. What
is done to one colleague stands in portal/team_pages.py, for both sides.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import RIGHTS, Action
from auth.memberships import Role
from billing import staff
from languages import mark
from portal.door import partner
from portal.navigation import ROLES
from portal.page import ask, show
from portal.paging import counted, neighbours, window
from portal.shell import Link
from portal.team_pages import Team, address_of_list, last_of

# The four roles, in the order of what they may do.
OFFERED = (
    ("ADMIN", mark("Admin"), mark("Everything, also the team, API keys and settings.")),
    ("SUB_ADMIN", mark("Sub-admin"), mark("Everything but the team and API keys.")),
    ("MEMBER", mark("Member"), mark("Customers and invoices: view, create, edit.")),
    ("READ_ONLY", mark("Read-only"), mark("Looks at everything, changes nothing.")),
)
# What the page's table tells, in the words of docs/roles.md.
TOLD = (
    (mark("See customers, invoices and payments"), Action.VIEW_INVOICES),
    (mark("Add and edit customers, invite their users"), Action.EDIT_CUSTOMERS),
    (mark("Make, edit and send invoices"), Action.EDIT_INVOICES),
    (mark("Make and apply tags"), Action.EDIT_TAGS),
    (mark("Void invoices"), Action.VOID_INVOICES),
    (mark("Charge customers and add payment methods"), Action.PAY),
    (mark("Read the audit log"), Action.VIEW_AUDIT),
    (mark("Change the settings"), Action.MANAGE_SETTINGS),
    (mark("Make and revoke API keys"), Action.MANAGE_KEYS),
    (mark("Invite, change and remove staff"), Action.MANAGE_TEAM),
)


async def list_team(request: Request) -> Response:
    """The staff, and what each role may do."""
    page = await ask(request, "partner/team/list", **window(request))
    found = page.content["me"]["partner"]["users"]
    before, after = neighbours(request, found["pageInfo"])
    rights = [(words, [action in RIGHTS[Role(role)] for role, _, _ in OFFERED]) for words, action in TOLD]
    return show(
        request, "partner/team/list.html", page, users=found["nodes"], roles=ROLES, rights=rights,
        offered=OFFERED, last=last_of(page.content["me"]["partner"]["heads"]),
        count=counted(found["totalCount"], "person", "people"), before=before, after=after,
    )  # fmt: skip


def _trail(request: Request) -> list[Link]:
    return [Link(mark("Settings")), Link(mark("Team"), address_of_list(request))]


TEAM = Team(
    path="/partner/{slug}/team",
    door=partner,
    layout="layout/dashboard.html",
    document="partner/team/one",
    plain="partner/plain",
    rules=staff,
    manage=Action.MANAGE_TEAM,
    offered=OFFERED,
    default="MEMBER",
    mine=lambda user: user["customer"] is None,
    invite=staff.invite,
    trail=_trail,
)
ROUTES = [Route(TEAM.path, partner(list_team)), *TEAM.routes()]
