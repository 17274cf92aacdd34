"""The jobs: what is done after the request, by name, with ids only.

Surprise: any job may run twice (a killed worker's job is taken up again), so each does nothing when its
work is already done.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from procrastinate import App, BaseRetryStrategy, RetryDecision
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job, Status

from billing.ports import Gateway
from db.session import Database
from integrations import acting, announcing, importing, inbox, inviting, reconciling, rounds
from integrations.mail.outgoing import Outgoing

FIRST_WAIT_SECONDS = 5
LONGEST_WAIT_SECONDS = 3600


@dataclass(frozen=True)
class Workshop:
    """What jobs work with, handed in by the process."""

    database: Database
    gateway: Gateway
    outgoing: Outgoing
    clock: Callable[[], datetime]
    read_bounces: Callable[[], int] | None = None


class BackOff(BaseRetryStrategy):
    """Try again after 5 s, 10 s, 20 s … at most an hour apart, `attempts` times in all."""

    def __init__(self, attempts: int) -> None:
        self.attempts = attempts

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """None once the tries are used up: the job then stands in the queue as failed."""
        if job.attempts >= self.attempts:
            return None
        wait = min(FIRST_WAIT_SECONDS * 2 ** min(job.attempts, 12), LONGEST_WAIT_SECONDS)
        return RetryDecision(retry_in={"seconds": wait})


# Three days of hourly tries: a mail gives up by its own clock, this only must not be sooner.
UNTIL_DEAD = BackOff(attempts=90)


def register(app: App, shop: Workshop) -> None:
    """Give `app` every job, under the names that rules defer them by."""
    _register_tenant_jobs(app, shop)
    _register_account_mails(app, shop)
    _register_rounds(app, shop)


def _register_tenant_jobs(app: App, shop: Workshop) -> None:
    @app.task(name="send_mail", retry=UNTIL_DEAD)
    async def send_mail(*, partner_id: str, mail_id: str) -> None:
        await shop.outgoing.send(partner_id=UUID(partner_id), mail_id=UUID(mail_id))

    @app.task(name="send_access_link", retry=BackOff(attempts=10))
    async def send_access_link(*, partner_id: str, link_id: str) -> None:
        await shop.outgoing.send_access_link(partner_id=UUID(partner_id), link_id=UUID(link_id))

    @app.task(name="send_waiting_invites", retry=BackOff(attempts=10))
    async def send_waiting_invites(*, partner_id: str, invite_id: str) -> None:
        await asyncio.to_thread(
            inviting.send_waiting, shop.database,
            partner_id=UUID(partner_id), invite_id=UUID(invite_id), now=shop.clock(),
        )  # fmt: skip

    @app.task(name="send_access_denied", retry=UNTIL_DEAD)
    async def send_access_denied(*, partner_id: str, request_id: str) -> None:
        await shop.outgoing.send_access_denied(partner_id=UUID(partner_id), request_id=UUID(request_id))

    @app.task(name="act_on_event", retry=UNTIL_DEAD)
    async def act_on_event(*, partner_id: str, event_id: str) -> None:
        await asyncio.to_thread(
            inbox.act, shop.database, shop.gateway,
            partner_id=UUID(partner_id), event_id=UUID(event_id), now=shop.clock(),
        )  # fmt: skip

    @app.task(name="announce_message", retry=UNTIL_DEAD)
    async def announce_message(*, partner_id: str, message_id: str) -> None:
        await asyncio.to_thread(
            announcing.announce, shop.database,
            partner_id=UUID(partner_id), message_id=UUID(message_id), now=shop.clock(),
        )  # fmt: skip

    @app.task(name="import_customers", retry=BackOff(attempts=10))
    async def import_customers(*, partner_id: str, import_id: str) -> None:
        await asyncio.to_thread(
            importing.import_customers, shop.database,
            partner_id=UUID(partner_id), import_id=UUID(import_id), clock=shop.clock,
        )  # fmt: skip

    @app.task(name="import_invoices", retry=BackOff(attempts=10))
    async def import_invoices(*, partner_id: str, import_id: str) -> None:
        await asyncio.to_thread(
            importing.import_invoices, shop.database,
            partner_id=UUID(partner_id), import_id=UUID(import_id), clock=shop.clock,
        )  # fmt: skip

    @app.task(name="carry_on_act", retry=BackOff(attempts=10))
    async def carry_on_act(*, partner_id: str, act_id: str) -> None:
        await asyncio.to_thread(
            acting.carry_on, shop.database,
            partner_id=UUID(partner_id), act_id=UUID(act_id), clock=shop.clock,
        )  # fmt: skip


def _register_account_mails(app: App, shop: Workshop) -> None:
    @app.task(name="send_reset", retry=BackOff(attempts=10))
    async def send_reset(*, user_id: str, token_id: str) -> None:
        await shop.outgoing.send_reset(user_id=UUID(user_id), token_id=UUID(token_id))

    @app.task(name="send_mailed_code", retry=BackOff(attempts=7))
    async def send_mailed_code(*, user_id: str, code_id: str) -> None:
        await shop.outgoing.send_mailed_code(user_id=UUID(user_id), code_id=UUID(code_id))

    @app.task(name="send_password_changed", retry=UNTIL_DEAD)
    async def send_password_changed(*, user_id: str, event_id: str) -> None:
        await shop.outgoing.send_password_changed(user_id=UUID(user_id), event_id=UUID(event_id))

    @app.task(name="send_factors_changed", retry=UNTIL_DEAD)
    async def send_factors_changed(*, user_id: str, event_id: str) -> None:
        await shop.outgoing.send_factors_changed(user_id=UUID(user_id), event_id=UUID(event_id))

    @app.task(name="send_email_change", retry=BackOff(attempts=10))
    async def send_email_change(*, user_id: str, token_id: str) -> None:
        await shop.outgoing.send_email_change(user_id=UUID(user_id), token_id=UUID(token_id))

    @app.task(name="send_email_undo", retry=UNTIL_DEAD)
    async def send_email_undo(*, user_id: str, token_id: str) -> None:
        await shop.outgoing.send_email_undo(user_id=UUID(user_id), token_id=UUID(token_id))


async def retake(app: App) -> None:
    """Have the jobs of workers that died (no sign of life for 30 s) done by others."""
    for job in await app.job_manager.get_stalled_jobs():
        try:
            await app.job_manager.retry_job(job)
        except UniqueViolation:
            # The next round of its kind waits already: that one does its work, and the other jobs go on.
            await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=False)


def _register_rounds(app: App, shop: Workshop) -> None:
    @app.periodic(cron="23 3 * * *")
    @app.task(name="clear_imports", queueing_lock="clear_imports")
    async def clear_imports(timestamp: int) -> None:
        await asyncio.to_thread(rounds.clear_imports, shop.database, now=shop.clock())

    @app.periodic(cron="* * * * *")
    @app.task(name="reconcile", queueing_lock="reconcile")
    async def reconcile(timestamp: int) -> None:
        await asyncio.to_thread(reconciling.reconcile, shop.database, shop.gateway, now=shop.clock())

    @app.periodic(cron="*/10 * * * *")
    @app.task(name="remind_invites", queueing_lock="remind_invites")
    async def remind_invites(timestamp: int) -> None:
        await asyncio.to_thread(rounds.remind_invites, shop.database, now=shop.clock())

    @app.periodic(cron="*/5 * * * *")
    @app.task(name="send_planned", queueing_lock="send_planned")
    async def send_planned(timestamp: int) -> None:
        await asyncio.to_thread(rounds.send_planned, shop.database, now=shop.clock())

    @app.periodic(cron="*/5 * * * *")
    @app.task(name="make_recurring", queueing_lock="make_recurring")
    async def make_recurring(timestamp: int) -> None:
        await asyncio.to_thread(rounds.make_recurring, shop.database, now=shop.clock())

    @app.periodic(cron="37 3 * * *")
    @app.task(name="tidy_access_requests", queueing_lock="tidy_access_requests")
    async def tidy_access_requests(timestamp: int) -> None:
        await asyncio.to_thread(rounds.tidy_access_requests, shop.database, now=shop.clock())

    @app.periodic(cron="7 * * * *")
    @app.task(name="forget_over", queueing_lock="forget_over")
    async def forget_over(timestamp: int) -> None:
        await asyncio.to_thread(rounds.forget_over, shop.database, now=shop.clock())

    if shop.read_bounces is not None:
        read_bounces = shop.read_bounces

        @app.periodic(cron="* * * * *")
        @app.task(name="read_bounces", queueing_lock="read_bounces")
        async def read(timestamp: int) -> None:
            await asyncio.to_thread(read_bounces)

    @app.periodic(cron="* * * * *")
    @app.task(name="retake_stalled", queueing_lock="retake_stalled")
    async def retake_stalled(timestamp: int) -> None:
        await retake(app)

    @app.periodic(cron="17 4 * * *")
    @app.task(name="clear_old_jobs", queueing_lock="clear_old_jobs")
    async def clear_old_jobs(timestamp: int) -> None:
        await app.job_manager.delete_old_jobs(nb_hours=24 * 30)
