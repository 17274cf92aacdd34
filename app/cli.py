"""The `remit` command: what operators, the Makefile and the demo run.

Surprise: `web`, `worker` and `gateway` are processes of their own, which this one becomes.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, NoReturn
from uuid import uuid4

import typer
from sqlalchemy import Connection, create_engine, text

from api.schema import sdl
from app import demo as demo_mode
from app import operating
from app.settings import Settings, UnsafeSettings
from app.tables import METADATA
from app.wiring import ROOT, admin_url, clock, database_url, make_database
from db import embedded, schema
from db.engine import make_engine
from errors import Invalid, Refusal

SDL_FILE = ROOT / "api" / "schema.graphql"

main = typer.Typer(no_args_is_help=True, add_completion=False, help="Remit: self-hosted receivables.")
partner = typer.Typer(no_args_is_help=True, help="Partners: the businesses that are owed money.")
user = typer.Typer(no_args_is_help=True, help="People with an account.")
key = typer.Typer(no_args_is_help=True, help="API keys of a partner.")
main.add_typer(partner, name="partner")
main.add_typer(key, name="key")
main.add_typer(user, name="user")


@main.command("web")
def run_web() -> None:
    """Serve the portal, the dashboard and the API."""
    _become("app.serving", "web")


@main.command("worker")
def run_jobs() -> None:
    """Send mails, act on gateway events, reconcile payments."""
    _become("app.serving", "worker")


@main.command("gateway")
def run_gateway(port: int = 8001) -> None:
    """Serve the sandbox gateway, which moves no money. Demo and development only."""
    _become("app.gateway", str(port))


@main.command("migrate")
def run_migrations() -> None:
    """Bring the database to the newest schema."""
    with _admin_connection(admin_url(_settings())) as connection:
        schema.migrate(connection, METADATA)
    typer.echo("The database is up to date.")


@main.command("reseal")
def reseal() -> None:
    """Encrypt under the first of REMIT_SEALING_KEYS what is still under an older key."""
    settings = _settings()
    with _refusals():
        settings.refuse_unsafe()
        count = operating.reseal(make_database(settings, database_url(settings)))
    typer.echo(f"{count} sealed anew. Keys that are no longer first can be taken away.")


@main.command("demo")
def run_demo() -> None:
    """Start everything with sample data on this machine; Ctrl-C stops it."""
    raise typer.Exit(demo_mode.run(_settings()))


@main.command("demo-reset")
def reset_demo() -> None:
    """Forget the demo's data."""
    folder = demo_mode.FOLDER
    if folder.exists():
        embedded.stop(folder.resolve() / "postgres")
        shutil.rmtree(folder)
    typer.echo("The demo begins anew with `make demo`.")


@main.command("check")
def run_checks() -> None:
    """Compare migrations with models, and the committed schema with the code's."""
    if SDL_FILE.read_text() != sdl():
        raise typer.BadParameter(
            "api/schema.graphql is not current: run `remit schema` and review the change."
        )
    url = embedded.start(Path(".remit").resolve() / "test-cluster", durable=False)
    name = f"check_{uuid4().hex[:12]}"
    with _autocommit(url) as connection:
        connection.execute(text(f"create database {name}"))
        with _admin_connection(url.replace("/postgres?", f"/{name}?")) as fresh:
            schema.migrate(fresh, METADATA)
            schema.check(fresh, METADATA)
        connection.execute(text(f"drop database {name} with (force)"))


@main.command("schema")
def write_schema() -> None:
    """Write api/schema.graphql from the code."""
    SDL_FILE.write_text(sdl())


@partner.command("create")
def create_partner(
    name: Annotated[str, typer.Option(prompt="Business name")],
    admin_name: Annotated[str, typer.Option(prompt="First admin's name")],
    admin_email: Annotated[str, typer.Option(prompt="First admin's e-mail")],
    time_zone: str = "America/New_York",
) -> None:
    """Create a partner and mail its first admin an invite."""
    settings = _settings()
    with _refusals():
        settings.refuse_unsafe()
        with closing(make_database(settings, database_url(settings))) as database:
            slug = operating.create_partner(
                database, name=name, admin_name=admin_name, admin_email=admin_email, time_zone=time_zone,
                now=clock(),
            )  # fmt: skip
    typer.echo(
        f"{name} is at {settings.public_url}/partner/{slug}/. An invite to {admin_email} is on its way.\n"
        "Its staff need a second step of signing in: accepting leads to a passkey or an authenticator app."
    )


@key.command("create")
def create_key(
    partner_slug: Annotated[str, typer.Option("--partner", prompt="Partner (as in its URL)")],
    name: Annotated[str, typer.Option(prompt="What the key is for")],
    scope: Annotated[list[str] | None, typer.Option(help="Give it once per scope; all if not given.")] = None,
    days: Annotated[int | None, typer.Option(help="Days until it expires; never if not given.")] = None,
) -> None:
    """Create an API key and show it, this once."""
    settings = _settings()
    with _refusals():
        settings.refuse_unsafe()
        database = make_database(settings, database_url(settings))
        now = clock()
        token = operating.create_key(
            database, partner_slug=partner_slug, name=name, scopes=scope,
            expires_at=now + timedelta(days=days) if days else None, now=now,
        )  # fmt: skip
    typer.echo(token)


@user.command("erase")
def erase_user(
    email: Annotated[str, typer.Argument(help="The address they sign in with, or were invited by.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person everywhere: names and addresses are replaced, invoices and payments stay."""
    settings = _settings()
    if not yes:
        typer.confirm(f"Erase {email} at every partner and customer? This can't be undone.", abort=True)
    with _refusals():
        settings.refuse_unsafe()
        with closing(make_database(settings, database_url(settings))) as database:
            erased = operating.erase_user(database, email=email, now=clock())
    account = "The account is gone" if erased.had_account else "There was no account"
    typer.echo(
        f"{account}; {erased.places} place(s) name nobody any more. Backups still do until they expire."
    )


@user.command("reset-factors")
def reset_factors(
    email: Annotated[str, typer.Argument(help="The address they sign in with.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take the second step from somebody who lost every passkey, app and recovery code."""
    settings = _settings()
    if not yes:
        question = (
            f"Take every passkey, authenticator app and recovery code from {email}, and sign them out "
            "everywhere? Be sure that it is they who ask: call them back."
        )
        typer.confirm(question, abort=True)
    with _refusals():
        settings.refuse_unsafe()
        with closing(make_database(settings, database_url(settings))) as database:
            gone = operating.reset_factors(database, email=email, now=clock())
    typer.echo(
        f"{gone.passkeys} passkey(s), {gone.apps} authenticator app(s) and the recovery codes are gone; they "
        f"are signed out everywhere, told by mail, and it is in the log of {gone.places} place(s)."
    )


def _become(*module: str) -> NoReturn:
    os.execv(sys.executable, [sys.executable, "-m", *module])  # noqa: S606 - our own words


def _settings() -> Settings:
    with _refusals():
        return Settings()


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except UnsafeSettings as unsafe:
        typer.echo(f"Remit does not start: {unsafe}", err=True)
        raise typer.Exit(2) from None
    except Invalid as invalid:
        for problem in invalid.problems:
            typer.echo(f"{'.'.join(map(str, problem.path))}: {problem.message}", err=True)
        raise typer.Exit(1) from None
    except Refusal as refusal:
        typer.echo(refusal.message, err=True)
        raise typer.Exit(1) from None


@contextmanager
def _admin_connection(url: str) -> Iterator[Connection]:
    engine = make_engine(url, as_role=False)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@contextmanager
def _autocommit(url: str) -> Iterator[Connection]:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()
