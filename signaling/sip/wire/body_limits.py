"""Every limit of SIP bodies and of the floor channel. Names with `_S` are in seconds."""

SDP_BYTES = 64 * 1024
SDP_MEDIA = 20
SDP_LINE_BYTES = 4096
SDP_LINES = 1500
"""Lines of a description. Chosen: the longest real offer of our fixtures has 110. Larger: parsing takes longer. Smaller: long
real offers are refused.
"""
SDP_ATTRIBUTES = 200
"""Attributes of one m-line, or of the head.

Chosen. Larger: parsing takes longer. Smaller: offers with many codecs are refused.
"""
SDP_FORMATS = 64
"""Payload types on one m-line. Chosen. Larger: parsing takes longer. Smaller: offers with many codecs are refused."""
CRYPTO_LINES = 16
"""The `a=crypto` lines of one m-line that are read. Chosen. Larger: parsing takes longer. Smaller: a usable suite may be
missed.
"""
BANDWIDTH_BPS = 10**10

XML_BYTES = 64 * 1024
XML_DEPTH = 12
XML_ELEMENTS = 8000
XML_ATTRIBUTES = 16
MEDIA_CONTROL_BYTES = 8 * 1024
DTMF_BYTES = 512
DTMF_MS = 10_000
ROSTER_USERS = 500
"""Users read from one document. Chosen. Larger: more memory for each document. Smaller: documents of large meetings are
refused.
"""
ROSTER_BYTES = 48 * 1024
"""Bytes of users written into one document. Chosen: its message stays below 64 KiB. Larger: terminals refuse the message.
Smaller: fewer users of a large meeting are shown; the others are only counted.
"""

BFCP_BYTES = 2048
"""Bytes of one message. Chosen: real messages have fewer than 200. Larger: parsing takes longer. Smaller: messages with long
names are refused.
"""
BFCP_ATTRIBUTES = 32
BFCP_DEPTH = 2
"""Grouped attributes inside grouped attributes: FLOOR-REQUEST-INFORMATION holds OVERALL-REQUEST-STATUS. Larger: hostile
messages nest deeper. Smaller: valid messages are refused.
"""
BFCP_REMEMBERED = 16
"""Answers of one leg that are kept for repeated requests. Chosen. Larger: more memory. Smaller: a repeated request is handled
twice.
"""
BFCP_QUEUE = 16
"""Our messages to one leg that wait for an acknowledgement. Chosen. Larger: a slow terminal gets outdated messages. Smaller:
messages are lost in a short burst.
"""
BFCP_PER_SECOND = 20
"""Requests of one leg that are read each second; the rest are dropped. Chosen. Larger: one terminal takes more time. Smaller: a
terminal that repeats requests loses some.
"""
BFCP_LEGS = 1024
BFCP_CONNECTIONS = 1024
BFCP_CONNECTIONS_PER_HOST = 4
BFCP_FIRST_S = 10.0
"""Seconds. Chosen. A connection that has not named its conference by then is closed. Longer: idle connections stay. Shorter:
slow terminals are disconnected.
"""
BFCP_T1_S = 0.5
BFCP_TRIES = 4
"""Sendings of one message over UDP, at 0, 0.5, 1.5 and 3.5 s. Chosen. Larger: messages to a dead terminal last longer. Smaller:
a lossy network loses messages.
"""
BFCP_T2_S = 10.0
"""Seconds in which a repeated request gets the same answer (RFC 8855 §8.3.2). Longer: a transaction number that is used again
gets an old answer. Shorter: a repeated request is handled twice.
"""

H224_BYTES = 255
PROFILES = 256
PROFILE_WORDS = 16
