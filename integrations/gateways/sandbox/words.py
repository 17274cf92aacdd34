"""What the gateway's pages say, in the languages their readers may have chosen.

Surprise: a gateway is a program of its own, so its words are not in our catalogue. Who sends a payer here
says in the address (`language`) what they read.
"""

from collections.abc import Callable, Mapping

from starlette.requests import Request

from languages import ENGLISH, Locale, known

Say = Callable[..., str]
FRENCH: Mapping[str, str] = {
    "Test gateway": "Passerelle d’essai",
    "no real money moves.": "aucun argent réel ne circule.",
    "Error:": "Erreur :",
    "Card details": "Détails de la carte",
    "Add a card": "Ajouter une carte",
    "For {merchant}. The card number stays with this gateway.": (
        "Pour {merchant}. Le numéro de carte reste chez cette passerelle."
    ),
    "Go back without adding a card": "Revenir sans ajouter de carte",
    "Card number": "Numéro de carte",
    "For example 4242 4242 4242 4242": "Par exemple 4242 4242 4242 4242",
    "Expiry date": "Date d’expiration",
    "MM/YY": "MM/AA",
    "Security code": "Code de sécurité",
    "3 digits, 4 on American Express": "3 chiffres, 4 sur American Express",
    "Name on card": "Nom sur la carte",
    "As printed": "Tel qu’imprimé",
    "ZIP or postal code": "Code ZIP ou postal",
    "12345 or K1A 0B1": "12345 ou K1A 0B1",
    "Save card": "Enregistrer la carte",
    "The card could not be saved": "La carte n’a pas pu être enregistrée",
    "Enter the number and the security code again: they are never kept.": (
        "Saisissez de nouveau le numéro et le code de sécurité : ils ne sont jamais conservés."
    ),
    "Test card numbers": "Numéros de carte d’essai",
    "Any month to come, any security code. No other number is taken, and none is kept.": (
        "N’importe quel mois à venir, n’importe quel code de sécurité. Aucun autre numéro n’est accepté,"
        " et aucun n’est conservé."
    ),
    "Number": "Numéro",
    "What it does": "Ce qu’il fait",
    "The card is saved.": "La carte est enregistrée.",
    "Continue to {merchant}": "Continuer vers {merchant}",
    "This form was open for more than an hour and has closed. No card was saved.": (
        "Ce formulaire est resté ouvert plus d’une heure et s’est fermé. Aucune carte n’a été enregistrée."
    ),
    "Go back and start again": "Revenir et recommencer",
    "Confirm the payment": "Confirmer le paiement",
    "{merchant} wants to charge {amount}. A real bank would ask for a code or open its app here. On this page"
    " you choose how that ends.": (
        "{merchant} veut débiter {amount}. Une vraie banque demanderait ici un code ou ouvrirait son"
        " application. Sur cette page, vous choisissez comment cela se termine."
    ),
    "Complete authentication": "Réussir l’authentification",
    "Fail authentication": "Échouer à l’authentification",
    "Nothing left to confirm": "Plus rien à confirmer",
    "This payment of {amount} was already answered, or not confirmed in time.": (
        "Ce paiement de {amount} a déjà reçu une réponse, ou n’a pas été confirmé à temps."
    ),
    # What is wrong with a card (cards.py).
    "Enter one of the test numbers listed on this page.": (
        "Saisissez l’un des numéros d’essai énumérés sur cette page."
    ),
    "Only the published test numbers work here, such as 4242 4242 4242 4242. Never enter a real card number:"
    " it was not kept.": (
        "Seuls les numéros d’essai publiés fonctionnent ici, comme 4242 4242 4242 4242. Ne saisissez jamais"
        " un vrai numéro de carte : il n’a pas été conservé."
    ),
    "Enter the expiry date as MM/YY, for example 12/34.": (
        "Saisissez la date d’expiration sous la forme MM/AA, par exemple 12/34."
    ),
    "This date is past. Enter a month that is still to come.": (
        "Cette date est passée. Saisissez un mois encore à venir."
    ),
    "This date is too far ahead. Enter it as MM/YY.": (
        "Cette date est trop lointaine. Saisissez-la sous la forme MM/AA."
    ),
    "Enter the security code: 3 digits, on the back of the card.": (
        "Saisissez le code de sécurité : 3 chiffres, au dos de la carte."
    ),
    "Enter the security code: 4 digits, on the front of the card.": (
        "Saisissez le code de sécurité : 4 chiffres, au recto de la carte."
    ),
    "Enter the name on the card, in letters.": "Saisissez le nom inscrit sur la carte, en lettres.",
    "Enter the ZIP or postal code of the card's address, for example 12345 or K1A 0B1.": (
        "Saisissez le code ZIP ou postal de l’adresse de la carte, par exemple 12345 ou K1A 0B1."
    ),
    # What can't be shown (app.py, pages.py).
    "Not possible": "Impossible",
    "This did not work": "Cela n’a pas fonctionné",
    "This page does not exist, or its link is no longer good. Go back and start again.": (
        "Cette page n’existe pas, ou son lien n’est plus valable. Revenez et recommencez."
    ),
    "This page can't be used that way. Go back and start again.": (
        "Cette page ne peut pas être utilisée ainsi. Revenez et recommencez."
    ),
    "Choose one of the two buttons.": "Choisissez l’un des deux boutons.",
    "Send the form as the page does.": "Envoyez le formulaire comme le fait la page.",
    "The form has too many fields.": "Le formulaire a trop de champs.",
    "The gateway failed. Try again in a moment.": "La passerelle a échoué. Réessayez dans un instant.",
    # What the published numbers do (cards.py).
    "Visa credit, succeeds": "Visa crédit, réussit",
    "Visa debit, succeeds": "Visa débit, réussit",
    "Mastercard credit, succeeds": "Mastercard crédit, réussit",
    "Mastercard debit, succeeds": "Mastercard débit, réussit",
    "Mastercard prepaid, succeeds": "Mastercard prépayée, réussit",
    "American Express, succeeds": "American Express, réussit",
    "Discover, succeeds": "Discover, réussit",
    "asks the cardholder to confirm": "demande au titulaire de confirmer",
    "asks the cardholder to confirm, every time": "demande au titulaire de confirmer, chaque fois",
    "declined by the bank": "refusée par la banque",
    "can be added, declined when charged": "peut être ajoutée, refusée au débit",
    "declined, not enough funds": "refusée, fonds insuffisants",
    "declined, reported lost": "refusée, déclarée perdue",
    "declined, reported stolen": "refusée, déclarée volée",
    "declined, expired at the bank": "refusée, expirée à la banque",
    "declined, wrong security code": "refusée, code de sécurité incorrect",
    "declined, error at the bank": "refusée, erreur à la banque",
}


def language(request: Request) -> Locale:
    """What whoever opens a page reads: as their address says, else English."""
    return known(request.query_params.get("language")) or ENGLISH


def speaker(locale: Locale) -> Say:
    """Says a text of these pages in a language, its `{names}` filled."""

    def say(text: str, **values: str) -> str:
        said = FRENCH.get(text, text) if locale == "fr" else text
        return said.format(**values) if values else said

    return say
