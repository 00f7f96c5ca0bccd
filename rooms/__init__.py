"""What is planned and lasts for years: units, people, sites, halls, meetings, bookings, their rules and their records.

Owns durable state, in SQL. Opens no socket but the database's, knows nothing of packets, SDP or live sessions, and imports
none of the other packages. A *room* here is a room that can be booked; a live meeting is a `conference.Conference`.

The folders are layers, from the top down: `demo`; `exchange`, `fixtures`; `succession`; `dialling`; `meetings`; `booking`;
`sites`, `accounts`; `org`; `store`; `policy`. A layer imports only the layers below it (contract `rooms-layers` in
pyproject.toml). `policy` is the lowest: it is pure, and the audit trail in `store` names its `Actor`. `dialling` lies above
`meetings`: a hall that dials in comes to the same door as a browser. `demo` lies above `fixtures`, whose province it fills with
meetings. The rows of all folders stand in `store/tables`, so that nothing imports upwards for a table.
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
