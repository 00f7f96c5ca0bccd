"""Every limit of SIP bodies and of the floor channel. Names with `_S` are in seconds."""

SDP_BYTES = 64 * 1024
"""Bytes of a session description in a SIP message. Chosen, as MESSAGE_BYTES of a whole message. Larger: no effect. Smaller:
long offers are refused.
"""
SDP_MEDIA = 20
"""The m-lines of one session description. Chosen. Larger: parsing takes longer. Smaller: offers with many media are refused."""
SDP_LINE_BYTES = 4096
"""Bytes of one line of a session description. Chosen. Larger: parsing takes longer. Smaller: offers with long codec parameters
are refused.
"""
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
"""Bit/s. A larger number in a `b=` line is reduced to this number. Chosen. Larger: forged numbers reach the bit rates of
programs. Smaller: terminals on fast networks get less than they permit.
"""

XML_BYTES = 64 * 1024
"""Bytes of an XML body, for example a roster. Chosen, as MESSAGE_BYTES of a whole message. Larger: no effect. Smaller: rosters
of large meetings are refused.
"""
XML_DEPTH = 12
"""Elements inside elements of an XML body. Chosen. Larger: hostile bodies nest deeper. Smaller: valid rosters are refused."""
XML_ELEMENTS = 8000
"""Elements of an XML body. Chosen. Larger: a hostile body costs more time and memory. Smaller: rosters of large meetings are
refused.
"""
XML_ATTRIBUTES = 16
"""Attributes of one XML element. Chosen. Larger: a hostile body costs more time. Smaller: valid rosters with extensions are
refused.
"""
MEDIA_CONTROL_BYTES = 8 * 1024
"""Bytes of a request for a key frame (RFC 5168). Chosen. Larger: a hostile body costs more time. Smaller: real requests are
refused.
"""
DTMF_BYTES = 512
"""Bytes of a body with a key press. Chosen. Larger: a hostile body costs more time. Smaller: real key presses are refused."""
DTMF_MS = 10_000
"""Milliseconds. A longer key press is reduced to this time. Chosen. Longer: a wrong number makes a press last longer. Shorter:
long presses look short.
"""
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
"""Attributes of one message of floor control (BFCP), at each level. Chosen. Larger: a hostile message costs more time. Smaller:
valid messages are refused.
"""
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
"""Legs with floor control at the same time. Chosen. Larger: more memory. Smaller: terminals of further halls cannot present."""
BFCP_CONNECTIONS = 1024
"""TCP connections of floor control at the same time. Chosen. Larger: more memory and descriptors. Smaller: terminals of further
halls cannot present.
"""
BFCP_CONNECTIONS_PER_HOST = 4
"""TCP connections of floor control from one address at the same time. Chosen. Larger: one source can take most of the
BFCP_CONNECTIONS. Smaller: terminals behind one address cannot present.
"""
BFCP_FIRST_S = 10.0
"""Seconds. Chosen. A connection that has not named its conference by then is closed. Longer: idle connections stay. Shorter:
slow terminals are disconnected.
"""
BFCP_T1_S = 0.5
"""Seconds until the first retransmission of a floor control message over UDP; each further pause is twice as long. Source: RFC
8855 §8.3.1. Longer: a lost message is sent again later. Shorter: slow terminals get needless repetitions.
"""
BFCP_TRIES = 4
"""Sendings of one message over UDP, at 0, 0.5, 1.5 and 3.5 s. Chosen. Larger: messages to a dead terminal last longer. Smaller:
a lossy network loses messages.
"""
BFCP_T2_S = 10.0
"""Seconds in which a repeated request gets the same answer (RFC 8855 §8.3.2). Longer: a transaction number that is used again
gets an old answer. Shorter: a repeated request is handled twice.
"""

H224_BYTES = 255
"""Bytes of one H.224 frame with a camera command. Chosen. Larger: a hostile frame costs more time. Smaller: valid frames are
refused.
"""
PROFILES = 256
"""Rows of the list of terminal profiles from an administrator. Chosen. More: each call searches a longer list. Fewer: a new
make of terminals cannot be added.
"""
PROFILE_WORDS = 16
"""Words of one terminal profile that are searched in a terminal's User-Agent or Server field. Chosen. More: each call searches
for more words. Fewer: a profile cannot name all models of a make.
"""
