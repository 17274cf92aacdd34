"""How a card on file is called: `Visa ending in 4242`. The number itself is nowhere here.

Surprise: gateways write brands their own way; one that has no name here is shown as the gateway wrote it,
with a capital.
"""

from collections.abc import Mapping

from languages import say

BRANDS = {
    "amex": "American Express",
    "diners": "Diners Club",
    "discover": "Discover",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}


def card_text(method: Mapping[str, str]) -> str:
    """A method's `brand` and `last4`, as people say them."""
    return say("{brand} ending in {last4}", brand=brand_text(method["brand"]), last4=method["last4"])


def brand_text(brand: str) -> str:
    """The brand's own spelling."""
    return BRANDS.get(brand, brand.capitalize())
