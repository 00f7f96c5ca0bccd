"""What is planned and lasts for years: units, people, sites, halls, meetings, bookings, their rules and their records.

Owns durable state, in SQL. Opens no socket but the database's, knows nothing of packets, SDP or live sessions, and imports
none of the other packages. A *room* here is a room that can be booked; a live meeting is a `conference.Conference`.
"""

from rooms import errors, identifiers, limits

__all__ = [
    "accounts",
    "booking",
    "demo",
    "dialling",
    "errors",
    "exchange",
    "fixtures",
    "identifiers",
    "limits",
    "meetings",
    "org",
    "policy",
    "sealing",
    "sites",
    "store",
    "succession",
]
