"""One message shown once: a signed cookie set with a redirect and taken off by the next page.

Surprise: it is signed, so that nobody can put words into our mouth by planting a cookie.
"""

import base64
import hashlib
import hmac
import json

from portal.shell import Flash, Tone

MOST_CHARACTERS = 500


def pack(tone: Tone, message: str, *, secret: bytes) -> str:
    """The cookie's value for `message`."""
    text = base64.urlsafe_b64encode(json.dumps([tone, message[:MOST_CHARACTERS]]).encode()).decode()
    return f"{text}.{_mac(text, secret)}"


def unpack(cookie: str | None, *, secret: bytes) -> Flash | None:
    """The message in the cookie; None if there is none, or if we did not sign it."""
    if cookie is None:
        return None
    text, _, mac = cookie.partition(".")
    if not hmac.compare_digest(mac.encode(), _mac(text, secret).encode()):
        return None
    tone, message = json.loads(base64.urlsafe_b64decode(text))
    return Flash(tone, message)


def _mac(text: str, secret: bytes) -> str:
    return hmac.new(secret, b"flash:" + text.encode(), hashlib.sha256).hexdigest()
