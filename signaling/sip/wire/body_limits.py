"""Every limit of SIP bodies and of the floor channel. Names with `_S` are in seconds."""

SDP_BYTES = 64 * 1024
"""Bytes of a session description in a SIP message; a longer one is refused. Chosen, as MESSAGE_BYTES (64 KiB) of a whole
message. Larger: no effect. Smaller: long offers are refused.
"""
SDP_MEDIA = 20
"""The m-lines of one SIP session description; with more, it is refused. Chosen. Larger: parsing takes longer, up to SDP_LINES
(1500). Smaller: offers with many media are refused.
"""
SDP_LINE_BYTES = 4096
"""Bytes of one line of a SIP session description; with a longer one, it is refused. Chosen. Larger: parsing takes longer.
Smaller: offers with long codec parameters are refused.
"""
SDP_LINES = 1500
"""Lines of a SIP session description; with more, it is refused. Chosen: the longest real offer of our test files has 110.
Larger: parsing takes longer, up to SDP_BYTES (64 KiB). Smaller: long real offers are refused.
"""
SDP_ATTRIBUTES = 200
"""Attributes (`a=` lines) of one m-line, or before the first m-line, of a SIP session description; with more, it is refused.
Chosen. Larger: parsing takes longer. Smaller: offers with many codecs are refused.
"""
SDP_FORMATS = 64
"""Payload types on one m-line of a SIP session description; with more, it is refused. Chosen. Larger: parsing takes longer.
Smaller: offers with many codecs are refused.
"""
CRYPTO_LINES = 16
"""The `a=crypto` lines (SRTP keys) of one m-line that are read; the rest are ignored. Chosen. Larger: parsing takes longer.
Smaller: a usable suite may be missed, so the call is not encrypted or is refused.
"""
BANDWIDTH_BPS = 10**10
"""Bit/s. A larger number in a `b=` line of a SIP session description is reduced to this number. Chosen. Larger: forged numbers
reach the bit rates of composed pictures. Smaller: terminals on fast networks get less than they permit.
"""

XML_BYTES = 64 * 1024
"""Bytes of an XML body in a SIP message, for example a list of participants; a longer one is refused. Chosen, as MESSAGE_BYTES
(64 KiB) of a whole message. Larger: no effect. Smaller: lists of large meetings are refused.
"""
XML_DEPTH = 12
"""Elements inside elements of an XML body in a SIP message; a deeper one is refused. Chosen. Larger: a hostile body costs more
time. Smaller: valid lists of participants are refused.
"""
XML_ELEMENTS = 8000
"""Elements of an XML body in a SIP message; with more, it is refused. Chosen. Larger: a hostile body costs more time and
memory, up to XML_BYTES (64 KiB). Smaller: participant lists of large meetings are refused.
"""
XML_ATTRIBUTES = 16
"""Attributes of one XML element in a SIP message; with more, the body is refused. Chosen. Larger: a hostile body costs more
time. Smaller: valid participant lists with extensions are refused.
"""
MEDIA_CONTROL_BYTES = 8 * 1024
"""Bytes of a SIP body with a request for a key frame (RFC 5168); a longer one is refused. Chosen. Larger: a hostile body costs
more time. Smaller: real requests are refused.
"""
DTMF_BYTES = 512
"""Bytes of a SIP body (INFO) with a key press; a longer one is refused. Chosen. Larger: a hostile body costs more time.
Smaller: real key presses are refused.
"""
DTMF_MS = 10_000
"""Milliseconds. A longer key press in a SIP body (INFO) is reduced to this time. Chosen. Longer: a wrong number makes a press
last longer. Shorter: long presses look short.
"""
ROSTER_USERS = 500
"""Users read from one SIP document with a list of participants; a document with more is refused. Chosen. Larger: more memory
for each document, up to XML_ELEMENTS (8000). Smaller: documents of large meetings are refused.
"""
ROSTER_BYTES = 48 * 1024
"""Bytes of users written into one SIP document with a list of participants. Chosen: its message stays below 64 KiB. Larger:
terminals refuse the message. Smaller: fewer users of a large meeting are shown; the others are only counted.
"""

BFCP_BYTES = 2048
"""Bytes of one message of floor control (BFCP); a longer one is refused. Chosen: real messages have fewer than 200. Larger:
parsing takes longer. Smaller: messages with long names are refused.
"""
BFCP_ATTRIBUTES = 32
"""Attributes of one message of floor control (BFCP), at each level; with more, it is refused. Chosen. Larger: a hostile message
costs more time. Smaller: valid messages are refused.
"""
BFCP_DEPTH = 2
"""Levels of attributes inside attributes in a message of floor control (BFCP); a deeper one is refused.
FLOOR-REQUEST-INFORMATION holds OVERALL-REQUEST-STATUS. Larger: hostile messages nest deeper. Smaller: valid messages are
refused.
"""
BFCP_REMEMBERED = 16
"""Answers of floor control (BFCP) over UDP to one terminal that are kept for repeated requests; the oldest is removed. Chosen.
Larger: more memory, and answers older than BFCP_T2_S (10 s) are not used. Smaller: a repeated request is handled twice, so the
terminal may ask for the right to present twice.
"""
BFCP_QUEUE = 16
"""Our floor control (BFCP) messages over UDP to one terminal that wait for an acknowledgement; above it the oldest is dropped.
Chosen. Larger: a slow terminal gets outdated messages. Smaller: messages are lost in a short burst.
"""
BFCP_PER_SECOND = 20
"""Floor control (BFCP) requests of one terminal that are read each second; the rest are dropped. Chosen. Larger: one terminal
takes more time. Smaller: a terminal that repeats requests loses some.
"""
BFCP_LEGS = 1024
"""Calls with floor control (BFCP, the right to present) at the same time; further calls have none, and an error is logged.
Chosen. Larger: more memory. Smaller: terminals of further halls cannot present.
"""
BFCP_CONNECTIONS = 1024
"""TCP connections of floor control (BFCP) that terminals opened, at the same time; further ones are closed. Chosen. Larger:
more memory and descriptors. Smaller: terminals of further halls cannot present.
"""
BFCP_CONNECTIONS_PER_HOST = 4
"""TCP connections of floor control (BFCP) from one IP address at the same time; further ones are closed. Chosen. Larger: one
source can take most of the 1024 BFCP_CONNECTIONS. Smaller: terminals behind one address cannot present.
"""
BFCP_FIRST_S = 10.0
"""Seconds. Chosen. A floor control (BFCP) connection that has not named its conference by then is closed; this is also the
time for opening one. Longer: only connections that name no conference stay longer. Shorter: slow terminals are disconnected
and cannot present.
"""
BFCP_T1_S = 0.5
"""Seconds until a floor control (BFCP) message over UDP without an acknowledgement is sent again; each further pause is twice
as long. Source: RFC 8855 §8.3.1. Longer: a lost message is sent again later. Shorter: slow terminals get needless repetitions.
"""
BFCP_TRIES = 4
"""Times that one message of floor control (BFCP) is sent over UDP without an acknowledgement, at 0, 0.5, 1.5 and 3.5 s; then
the message is given up. Chosen. Larger: more messages to a dead terminal. Smaller: a lossy network loses messages.
"""
BFCP_T2_S = 10.0
"""Seconds in which a repeated floor control (BFCP) request gets the same answer (RFC 8855 §8.3.2). Longer: a transaction number
that is used again gets an old answer. Shorter: a repeated request is handled twice.
"""

H224_BYTES = 255
"""Bytes of one H.224 frame with a camera command (for example "left"); a longer one is ignored. Chosen. Larger: a hostile frame
costs more time. Smaller: valid frames are ignored.
"""
PROFILES = 256
"""Rows in one list of settings for makes of SIP terminals; a list with more is refused. Larger: no effect, because the code
reads each row as a list of its own, and the register holds at most 200 (`rooms/limits.py`). Fewer than one: no row can be
read.
"""
PROFILE_WORDS = 16
"""Words of the settings for one make of SIP terminals; each call searches for them in the terminal's User-Agent or Server
field. Chosen. More: each call searches for more words. Fewer: the settings cannot name all models of a make.
"""
