"""One message shown once: a signed cookie set with a redirect and taken off by the next page.

Surprise: it is signed, so that nobody can put words into our mouth by planting a cookie.
"""

import base64
import hashlib
import hmac
import json

from portal.shell import Flash, Tone, Undo

MOST_CHARACTERS = 500


def pack(tone: Tone, message: str, *, secret: bytes, undo: Undo | None = None) -> str:
    """The cookie's value for `message`."""
    said = json.dumps([tone, message[:MOST_CHARACTERS], undo])
    text = base64.urlsafe_b64encode(said.encode()).decode()
    return f"{text}.{_mac(text, secret)}"


def unpack(cookie: str | None, *, secret: bytes) -> Flash | None:
    """The message in the cookie; None if there is none, or if we did not sign it."""
    if cookie is None:
        return None
    text, _, mac = cookie.partition(".")
    if not hmac.compare_digest(mac.encode(), _mac(text, secret).encode()):
        return None
    # A cookie of the release before holds two.
    tone, message, undo = (*json.loads(base64.urlsafe_b64decode(text)), None)[:3]
    return Flash(tone, message, Undo(*undo) if undo else None)


def _mac(text: str, secret: bytes) -> str:
    return hmac.new(secret, b"flash:" + text.encode(), hashlib.sha256).hexdigest()
