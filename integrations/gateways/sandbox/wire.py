"""Names both ends of the wire agree on. The client knows the gateway by these and its addresses alone."""

import re

ACCOUNT_HEADER = "Sandbox-Account"
KEY_HEADER = "Idempotency-Key"
SIGNATURE_HEADER = "Sandbox-Signature"

KEY = re.compile(r"[\x21-\x7e]{1,255}")
