"""The states, provinces and postal letters of PRODUCT.md, and the names people write for them.

The first name of each is the one shown. Codes of the two countries never collide, so a code in the wrong
country can be told from a wrong code.
"""

import unicodedata

COUNTRY_NAMES = {
    "us": "US",
    "usa": "US",
    "unitedstates": "US",
    "unitedstatesofamerica": "US",
    "etatsunis": "US",
    "ca": "CA",
    "can": "CA",
    "canada": "CA",
}

STATES: dict[str, tuple[str, ...]] = {
    "AL": ("Alabama",),
    "AK": ("Alaska",),
    "AZ": ("Arizona",),
    "AR": ("Arkansas",),
    "CA": ("California",),
    "CO": ("Colorado",),
    "CT": ("Connecticut",),
    "DE": ("Delaware",),
    "DC": ("District of Columbia", "Washington DC"),
    "FL": ("Florida",),
    "GA": ("Georgia",),
    "HI": ("Hawaii", "Hawaiʻi"),
    "ID": ("Idaho",),
    "IL": ("Illinois",),
    "IN": ("Indiana",),
    "IA": ("Iowa",),
    "KS": ("Kansas",),
    "KY": ("Kentucky",),
    "LA": ("Louisiana",),
    "ME": ("Maine",),
    "MD": ("Maryland",),
    "MA": ("Massachusetts",),
    "MI": ("Michigan",),
    "MN": ("Minnesota",),
    "MS": ("Mississippi",),
    "MO": ("Missouri",),
    "MT": ("Montana",),
    "NE": ("Nebraska",),
    "NV": ("Nevada",),
    "NH": ("New Hampshire",),
    "NJ": ("New Jersey",),
    "NM": ("New Mexico",),
    "NY": ("New York", "New York State"),
    "NC": ("North Carolina",),
    "ND": ("North Dakota",),
    "OH": ("Ohio",),
    "OK": ("Oklahoma",),
    "OR": ("Oregon",),
    "PA": ("Pennsylvania",),
    "RI": ("Rhode Island",),
    "SC": ("South Carolina",),
    "SD": ("South Dakota",),
    "TN": ("Tennessee",),
    "TX": ("Texas",),
    "UT": ("Utah",),
    "VT": ("Vermont",),
    "VA": ("Virginia",),
    "WA": ("Washington", "Washington State"),
    "WV": ("West Virginia",),
    "WI": ("Wisconsin",),
    "WY": ("Wyoming",),
    "PR": ("Puerto Rico",),
    "GU": ("Guam",),
    "VI": ("U.S. Virgin Islands", "Virgin Islands", "US Virgin Islands"),
    "AS": ("American Samoa",),
    "MP": ("Northern Mariana Islands",),
    "AA": ("Armed Forces Americas",),
    "AE": ("Armed Forces Europe",),
    "AP": ("Armed Forces Pacific",),
}

PROVINCES: dict[str, tuple[str, ...]] = {
    "AB": ("Alberta",),
    "BC": ("British Columbia", "Colombie-Britannique"),
    "MB": ("Manitoba",),
    "NB": ("New Brunswick", "Nouveau-Brunswick"),
    "NL": ("Newfoundland and Labrador", "Newfoundland", "Terre-Neuve-et-Labrador"),
    "NS": ("Nova Scotia", "Nouvelle-Écosse"),
    "NT": ("Northwest Territories", "Territoires du Nord-Ouest"),
    "NU": ("Nunavut",),
    "ON": ("Ontario",),
    "PE": ("Prince Edward Island", "Île-du-Prince-Édouard", "PEI"),
    "QC": ("Quebec", "Québec"),
    "SK": ("Saskatchewan",),
    "YT": ("Yukon", "Yukon Territory"),
}

# Canada Post's forward sortation areas: which first letters a province's postal codes have.
POSTAL_LETTERS = {
    "AB": "T",
    "BC": "V",
    "MB": "R",
    "NB": "E",
    "NL": "A",
    "NS": "B",
    "NT": "X",
    "NU": "X",
    "ON": "KLMNP",
    "PE": "C",
    "QC": "GHJ",
    "SK": "S",
    "YT": "Y",
}


def folded(text: str) -> str:
    """Letters only, without case, accents, dots and spaces: `N.Y.` is `ny`, `Île-du-…` is `iledu…`."""
    if text.isascii() and text.isalpha():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text)
    return "".join(char for char in apart if unicodedata.category(char).startswith("L")).casefold()


def place_codes(places: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Every accepted way of writing, folded, to the code it means."""
    return {folded(written): code for code, names in places.items() for written in (code, *names)}
