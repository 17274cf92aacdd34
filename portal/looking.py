"""What pages say to staff who look at a customer's portal: the banner, and that it is over.

Surprise: the banner is on refusals too, as the portal's whole shell is (portal/refusing.py).
"""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from auth.impersonations import View, ViewOver
from db import ids
from languages import say
from portal.house import Place, house
from portal.shell import Looking


def looking_of(view: View, where: Place) -> Looking:
    """The banner of a page at `where`, for a view that opens."""
    assert view.ends_at is not None
    return Looking(view.staff_name, view.admitted().name, view.ends_at, f"{where.home}/end")


def over(request: Request, ended: ViewOver) -> Response:
    """The page after the end, with the way back."""
    home = f"/partner/{request.path_params['slug']}"
    if ended.customer_id is not None:
        home = f"{home}/customers/{ids.shown('cus', ended.customer_id)}"
    text = house(request).renderer.render("impersonation/over.html", message=say(ended.message), back=home)
    return HTMLResponse(text, 403)
