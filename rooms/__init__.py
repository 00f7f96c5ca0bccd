"""The planned data that lasts for years: units, people, sites, halls, meetings, bookings, their rules and their records.

This package owns the durable state in SQL. It opens no socket except the connection to the database. It knows nothing about
packets, SDP or live sessions, and it imports no other package. A *room* here is a room that can be booked. A live meeting is a
`conference.Conference`.

The folders are layers, from the top down: `demo`; `exchange`, `fixtures`; `succession`; `dialling`, `notices`, `proceedings`;
`meetings`; `booking`; `sites`, `accounts`; `org`; `store`; `policy`. A layer imports only the layers below it (contract
`rooms-layers` in pyproject.toml). `policy` is the lowest layer because it is pure, and because the audit trail in `store` uses
its `Actor`. `dialling` is above `meetings` because a hall that dials in passes the same admission checks as a browser. `demo`
is above `fixtures` because it adds meetings to the province of `fixtures`. The tables of all folders are in `store/tables`, so
no folder imports a higher layer to get a table.
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
    "notices",
    "org",
    "policy",
    "proceedings",
    "sealing",
    "sites",
    "store",
    "succession",
]
