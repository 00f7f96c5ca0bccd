"""Every bound of what SIP messages carry and of the floor channel, in one place. Seconds are `_S`."""

SDP_BYTES = 64 * 1024
SDP_MEDIA = 20
SDP_LINE_BYTES = 4096
SDP_LINES = 1500
"""The longest real offer of our fixtures has 110."""
SDP_ATTRIBUTES = 200
"""Of one m-line, and of the head."""
SDP_FORMATS = 64
"""Payload types on one m-line."""
CRYPTO_LINES = 16
"""`a=crypto` of one m-line that are read; the rest are not offers we would take."""
BANDWIDTH_BPS = 10**10

XML_BYTES = 64 * 1024
XML_DEPTH = 12
XML_ELEMENTS = 8000
XML_ATTRIBUTES = 16
MEDIA_CONTROL_BYTES = 8 * 1024
DTMF_BYTES = 512
DTMF_MS = 10_000
ROSTER_USERS = 500
"""Read from one document."""
ROSTER_BYTES = 48 * 1024
"""Written into one document, so that its message stays below 64 KiB; whoever stands after that is counted, not shown."""

BFCP_BYTES = 2048
"""One message; real ones have less than 200."""
BFCP_ATTRIBUTES = 32
BFCP_DEPTH = 2
"""Grouped attributes inside grouped ones: FLOOR-REQUEST-INFORMATION holds OVERALL-REQUEST-STATUS."""
BFCP_REMEMBERED = 16
"""Answers of one leg kept for repeated requests."""
BFCP_QUEUE = 16
"""Messages of ours that wait for the acknowledgement of one before."""
BFCP_PER_SECOND = 20
"""Requests of one leg that are looked at; more are dropped."""
BFCP_LEGS = 1024
BFCP_CONNECTIONS = 1024
BFCP_CONNECTIONS_PER_HOST = 4
BFCP_FIRST_S = 10.0
"""A connection that has not named its conference by then is closed."""
BFCP_T1_S = 0.5
BFCP_TRIES = 4
"""Sendings of one message over UDP: at 0, 0.5, 1.5 and 3.5 s."""
BFCP_T2_S = 10.0
"""How long an answer is repeated to a repeated request (RFC 8855 §8.3.2)."""

H224_BYTES = 255
PROFILES = 256
PROFILE_WORDS = 16
