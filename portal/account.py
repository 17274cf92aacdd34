"""One's own account: the password. What is here belongs to the person, not to a partner or customer."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth import passwords, sessions, signin, users
from auth.signin import WrongSignIn
from errors import Invalid, Limited, Problem, Unauthenticated
from portal.account_page import account_page
from portal.cookies import remember
from portal.door import go, person, read_form
from portal.form import Form
from portal.house import address, agent, house, session_hash
from portal.myself import Myself, act, meet


async def show_password(request: Request) -> Response:
    """The form to change one's password."""
    return _page(request, await meet(request, lambda _db, myself: myself), Form())


async def change_password(request: Request) -> Response:
    """Change it; everybody else signed in as this person is signed out."""
    form = await read_form(request)
    myself, words = await act(
        request,
        lambda db, myself: (myself, users.words_of(db, user_id=myself.user_id)),
        form=form,
        recent=False,
    )
    parts = house(request)
    try:
        token = await run_in_threadpool(_change, request, form, myself.email, words)
    except Invalid as wrong:
        return _page(request, myself, form.with_problems(wrong), status=422)
    except (WrongSignIn, Limited) as refusal:
        problem = Invalid([Problem(refusal.code, ("old_password",), refusal.message)])
        return _page(request, myself, form.with_problems(problem), status=422)
    answer = go(request, "/accounts", "Your password is changed. Other browsers are signed out.")
    remember(request, answer, parts.cookie("session"), token)
    return answer


def _page(request: Request, myself: Myself, form: Form, *, status: int = 200) -> Response:
    return account_page(request, myself, "login/password.html", status=status, form=form)


def _change(request: Request, form: Form, email: str, words: tuple[str, ...]) -> str:
    parts = house(request)
    device_token = request.cookies.get(parts.cookie("device"))
    with parts.database.transaction() as db:
        attempt = signin.begin(
            db, email=email, address=address(request), device_token=device_token, now=parts.clock()
        )
    checked = parts.hashing.run(lambda: signin.check(attempt, form.secret("old_password")))
    new = parts.hashing.run(
        lambda: passwords.choose(form.secret("new_password"), words=words, path=("new_password",))
    )
    with parts.database.transaction() as db:
        found = sessions.find(db, token_hash=session_hash(request), now=parts.clock())
        if found is None:
            raise Unauthenticated
        token = signin.change_password(
            db, checked, session_id=found[0], new=new, agent=agent(request), now=parts.clock()
        )
    if token is None:
        raise WrongSignIn("This is not your present password. Try again.")
    return token


ROUTES = [
    Route("/account/password", person(show_password)),
    Route("/account/password", person(change_password), methods=["POST"]),
]
