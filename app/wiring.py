"""From settings to the parts a process works with: the only place that chooses implementations.

Surprise: without `DATABASE_URL` every process joins the one embedded server; whoever leaves last stops it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.gateway import platform
from app.settings import Settings
from billing.ports import Gateway
from billing.settling import Reached, nowhere
from db import embedded
from db.engine import make_engine
from db.session import Database
from integrations.bounces import BounceDesk
from integrations.crash_points import dying_at
from integrations.gateways.sandbox.client import SandboxGateway
from integrations.mail.compose import Composer
from integrations.mail.outgoing import Outgoing
from integrations.mail.transports import FolderTransport, SmtpTransport, Transport
from integrations.pdf.press import Press
from worker.queue import defer_job

ROOT = Path(__file__).parent.parent
TEMPLATES = ROOT / "templates"
BOUNCES_PATH = "/webhooks/bounces"


def clock() -> datetime:
    """The time, read at the doors only and handed to the rules."""
    return datetime.now(UTC)


def database_url(settings: Settings) -> str:
    """The given server, or the embedded one, started if need be."""
    return settings.database_url or embedded.start(settings.folder.resolve() / "postgres")


def admin_url(settings: Settings) -> str:
    """The login that may migrate: `DATABASE_ADMIN_URL`, else the same as `database_url`."""
    return settings.database_admin_url or database_url(settings)


def make_database(settings: Settings, url: str) -> Database:
    """Transactions of the app role."""
    return Database(
        make_engine(url), defer_job, secret=settings.secret_key.get_secret_value(),
        sealing_keys=[key.get_secret_value() for key in settings.sealing_keys],
    )  # fmt: skip


def make_gateway(settings: Settings) -> Gateway:
    """The gateway the settings name."""
    return SandboxGateway(settings.gateway_url, accounts=platform(settings))


def make_transport(settings: Settings) -> Transport:
    """SMTP if an address is given, else a folder of `.eml` files."""
    if settings.smtp_url is not None:
        return SmtpTransport(settings.smtp_url.get_secret_value())
    return FolderTransport(settings.mail_folder)


@dataclass(frozen=True)
class Parts:
    """What both the web and the worker process are made of."""

    settings: Settings
    url: str
    database: Database
    gateway: Gateway
    outgoing: Outgoing
    press: Press
    bounces: BounceDesk
    reached: Reached


def wire(settings: Settings) -> Parts:
    """Everything for one process. Refuses unsafe settings before anything is opened."""
    settings.refuse_unsafe()
    url = database_url(settings)
    database = make_database(settings, url)
    composer = Composer(TEMPLATES, public_url=settings.public_url, sender=settings.mail_from)
    press = Press(TEMPLATES)
    return Parts(
        settings=settings,
        url=url,
        database=database,
        gateway=make_gateway(settings),
        outgoing=Outgoing(database, composer, make_transport(settings), clock, press),
        press=press,
        bounces=BounceDesk(database, host=composer.host, clock=clock),
        reached=dying_at(settings.crash_at) if settings.crash_at else nowhere,
    )
