"""Sending a queued mail: read it, hand it over, note what the server said.

Surprise: no transaction is open while the server is spoken to. A process killed after the server took the
mail and before that was noted sends it again, with the same Message-ID.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlmodel import Session, select

from auth.audit import PersonalEvent
from auth.mailed_codes import MailedCode
from auth.personal_tokens import PersonalToken
from auth.users import User
from billing import invoice_sending
from billing.mails import Mail, MailKind, MailStatus
from db.session import Database
from integrations.mail import access_letters, code_letters, letters, personal_letters
from integrations.mail.compose import Attachment, Composer
from integrations.mail.letters import Letter, NotWanted
from integrations.mail.personal_letters import PersonalLetter
from integrations.mail.transports import NotNow, Refused, Transport
from integrations.pdf.press import Broken, Busy, Press, Sheet, TooLong, TooSlow

_log = structlog.get_logger(__name__)
GIVE_UP_AFTER = timedelta(days=3)


class Outgoing:
    """The desk mails leave from."""

    def __init__(
        self,
        database: Database,
        composer: Composer,
        transport: Transport,
        clock: Callable[[], datetime],
        press: Press,
    ) -> None:
        self._database = database
        self._composer = composer
        self._transport = transport
        self._clock = clock
        self._press = press

    async def send(self, *, partner_id: UUID, mail_id: UUID) -> None:
        """Send the mail unless it already left. Raises `NotNow` when it should be tried again."""
        letter = await asyncio.to_thread(self._load, partner_id, mail_id)
        if letter is None:
            return
        status, words = MailStatus.SENT, ""
        try:
            words = await self._hand_over(letter)
        except Refused as refused:
            status, words = MailStatus.REFUSED, str(refused)
        except NotNow as trouble:
            tired = await asyncio.to_thread(self._note_try, partner_id, mail_id, str(trouble))
            if not tired:
                raise
            return
        await asyncio.to_thread(self._note_end, partner_id, mail_id, status, words)

    async def send_reset(self, *, user_id: UUID, token_id: UUID) -> None:
        """Send the link that sets a new password; nothing for a person or link that does not exist."""
        await self._send_personal(personal_letters.reset, user_id, token_id)

    async def send_mailed_code(self, *, user_id: UUID, code_id: UUID) -> None:
        """Send the code that signs in or confirms a browser; nothing for a person or code there is not."""
        letter = await asyncio.to_thread(self._load_code, user_id, code_id)
        if letter is not None:
            await self._hand_over(letter)

    async def send_email_change(self, *, user_id: UUID, token_id: UUID) -> None:
        """Send the link that confirms a new address, to that address."""
        await self._send_personal(personal_letters.email_change, user_id, token_id)

    async def send_email_undo(self, *, user_id: UUID, token_id: UUID) -> None:
        """Tell the address a person had that another is to take its place, with the link that undoes it."""
        await self._send_personal(personal_letters.email_undo, user_id, token_id)

    async def send_access_link(self, *, partner_id: UUID, link_id: UUID) -> None:
        """Answer an address that was entered on a billing link."""
        await self._send_about(partner_id, lambda db: access_letters.link(
            db, partner_id=partner_id, link_id=link_id, to=self._composer.link, now=self._clock()
        ))  # fmt: skip

    async def send_access_denied(self, *, partner_id: UUID, request_id: UUID) -> None:
        """Tell whoever asked for access that it was denied."""
        await self._send_about(partner_id, lambda db: access_letters.denied(
            db, partner_id=partner_id, request_id=request_id
        ))  # fmt: skip

    async def _send_about(self, partner_id: UUID, write: Callable[[Session], Letter]) -> None:
        def load() -> Letter | None:
            with self._database.transaction(partner_id=partner_id) as db:
                try:
                    return write(db)
                except NotWanted:
                    return None

        letter = await asyncio.to_thread(load)
        if letter is not None:
            await self._hand_over(letter)

    async def _send_personal(self, write: PersonalLetter, user_id: UUID, token_id: UUID) -> None:
        letter = await asyncio.to_thread(self._load_personal, write, user_id, token_id)
        if letter is not None:
            await self._hand_over(letter)

    async def send_password_changed(self, *, user_id: UUID, event_id: UUID) -> None:
        """Tell a person that the password was changed."""
        letter = await asyncio.to_thread(self._load_changed, user_id, event_id)
        if letter is not None:
            await self._hand_over(letter)

    async def send_factors_changed(self, *, user_id: UUID, event_id: UUID) -> None:
        """Tell a person what changed in their second factors."""
        letter = await asyncio.to_thread(self._load_factors, user_id, event_id)
        if letter is not None:
            await self._hand_over(letter)

    async def _hand_over(self, letter: Letter) -> str:
        message = self._composer.write(
            letter.kind,
            mail_id=letter.mail_id,
            to_name=letter.to_name,
            to_address=letter.to_address,
            sender_name=letter.sender_name,
            reply_to=letter.reply_to,
            locale=letter.locale,
            now=self._clock(),
            values=letter.values,
            attached=await self._attached(letter.sheet) if letter.sheet else None,
        )
        return await self._transport.send(message)

    async def _attached(self, sheet: Sheet) -> Attachment | None:
        """The PDF that comes along. Raises `NotNow` while the press is busy."""
        try:
            return Attachment(sheet.name, await asyncio.to_thread(self._press.pdf, sheet))
        except Busy as busy:
            raise NotNow(str(busy)) from busy
        except (TooSlow, TooLong, Broken):
            # Whoever owes or paid money hears of it, PDF or not: the mail holds the link, and says no more.
            _log.exception("mail goes without its PDF", document=sheet.name)
            return None

    def _load(self, partner_id: UUID, mail_id: UUID) -> Letter | None:
        with self._database.transaction(partner_id=partner_id) as db:
            mail = _mail(db, partner_id, mail_id)
            if mail is None or mail.status is not MailStatus.QUEUED:
                return None
            try:
                letter = letters.to_member(db, mail, self._composer.link, now=self._clock())
            except NotWanted as reason:
                mail.status, mail.answer = MailStatus.DROPPED, str(reason)
                return None
            # Before it leaves: a server may give it back before anybody noted that one took it.
            mail.address = letter.to_address
            return letter

    def _load_personal(self, write: PersonalLetter, user_id: UUID, token_id: UUID) -> Letter | None:
        with self._database.transaction(user_id=user_id) as db:
            user = db.exec(select(User).where(User.id == user_id)).one_or_none()
            token = db.exec(select(PersonalToken).where(PersonalToken.id == token_id)).one_or_none()
            if user is None or token is None:
                return None
            try:
                return write(db, user=user, token=token, link=self._composer.link, now=self._clock())
            except NotWanted:
                return None

    def _load_code(self, user_id: UUID, code_id: UUID) -> Letter | None:
        with self._database.transaction(user_id=user_id) as db:
            user = db.exec(select(User).where(User.id == user_id)).one_or_none()
            code = db.exec(select(MailedCode).where(MailedCode.id == code_id)).one_or_none()
            if user is None or code is None:
                return None
            try:
                return code_letters.write(
                    db, user=user, code=code, link=self._composer.link, now=self._clock()
                )
            except NotWanted:
                return None

    def _load_changed(self, user_id: UUID, event_id: UUID) -> Letter | None:
        with self._database.transaction(user_id=user_id) as db:
            user = db.exec(select(User).where(User.id == user_id)).one_or_none()
            if user is None:
                return None
            return personal_letters.password_changed(user=user, event_id=event_id, link=self._composer.link)

    def _load_factors(self, user_id: UUID, event_id: UUID) -> Letter | None:
        with self._database.transaction(user_id=user_id) as db:
            user = db.exec(select(User).where(User.id == user_id)).one_or_none()
            event = db.exec(select(PersonalEvent).where(PersonalEvent.id == event_id)).one_or_none()
            if user is None or event is None:
                return None
            return personal_letters.factors_changed(user=user, event=event, link=self._composer.link)

    def _note_try(self, partner_id: UUID, mail_id: UUID, words: str) -> bool:
        """Count the try; True when it was the last one."""
        with self._database.transaction(partner_id=partner_id) as db:
            mail = _mail(db, partner_id, mail_id)
            assert mail is not None
            mail.tries += 1
            mail.answer = words
            tired = self._clock() - mail.created_at > GIVE_UP_AFTER
            if tired:
                mail.status = MailStatus.DEAD
            return tired

    def _note_end(self, partner_id: UUID, mail_id: UUID, status: MailStatus, words: str) -> None:
        with self._database.transaction(partner_id=partner_id) as db:
            mail = _mail(db, partner_id, mail_id)
            assert mail is not None
            mail.tries += 1
            if mail.status is MailStatus.BOUNCED:
                return
            mail.status, mail.answer = status, words
            mail.sent_at = self._clock() if status is MailStatus.SENT else None
            if mail.kind is MailKind.INVOICE and mail.sent_at is not None:
                invoice_sending.note_taken(
                    db, partner_id=partner_id, invoice_id=mail.subject_id, now=mail.sent_at
                )


def _mail(db: Session, partner_id: UUID, mail_id: UUID) -> Mail | None:
    mine = (Mail.partner_id == partner_id, Mail.id == mail_id)
    return db.exec(select(Mail).where(*mine).with_for_update()).one_or_none()
