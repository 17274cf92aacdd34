"""The roles as an enum of the API, described once, whichever noun is imported first."""

import strawberry

from auth.roles import Role as Role

strawberry.enum(Role, description="Four roles of a partner's staff, three of a customer's users.")
