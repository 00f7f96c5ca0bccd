"""The limits of votes. A value without a source is chosen. "Larger" and "smaller" say what breaks when the value changes."""

VOTES = 50
"""Votes of one meeting: prepared, open, closed and annulled ones together. A further vote is refused. Larger: more bytes are
written at each ballot. Smaller: a session of a council with many resolutions cannot prepare all of them.
"""
ID_CHARACTERS = 32
"""Characters of a vote's id; a longer id is refused. The server's own ids have 14. Above 35: the name of the stored form is too
long for its column (40). Below 14: no vote can be prepared.
"""
OPTIONS = 64
"""Candidates of one election. A ballot is 8 bytes in the sealed box, one bit for each candidate. Larger: the marks do not fit.
Smaller: long lists of candidates are refused.
"""
TITLE_CHARACTERS = 200
"""Characters of a vote's title; a longer title is refused. Larger: the title does not fit into the picture of a hall. Smaller:
titles of resolutions are refused.
"""
TEXT_CHARACTERS = 2000
"""Characters of the text that is put to the vote; a longer text is refused. Larger: each page of the meeting gets more bytes.
Smaller: the text of a resolution is refused.
"""
OPTION_CHARACTERS = 200
"""Characters of a candidate's name and post; longer ones are refused. Larger: a row does not fit on a phone. Smaller: posts are
refused.
"""
REASON_CHARACTERS = 500
"""Characters of the reason for which a vote is annulled; a longer reason is refused. Larger: a longer row of the audit trail.
Smaller: reasons are refused.
"""
VOTERS = 1000
"""Entitled people or halls of one vote. More are refused. The stored form of a vote of 1000 has about 100 KB, and each ballot
writes it again. Larger: ballots wait for the database. Smaller: large conferences cannot vote.
"""
DELEGATES = 5000
"""Delegates of one hall in a vote by show of hands. A larger number is refused. Larger: a typing error is not noticed. Smaller:
a full stadium cannot vote.
"""
SECRET_LEAST = 5
"""The least number of entitled people of a secret vote, and the least number of ballots whose counts are announced. Source: the
issue of this function; no rule of law names a number. Larger: small committees cannot vote in secret. Smaller: counts show the
choice of single people.
"""
PARTS_MOST = 1000
"""The largest denominator of a share (2/3 has the denominator 3). Larger: no effect. Smaller: exact percentages are refused."""
CARD_NAME_CHARACTERS = 60
"""Characters of the name that a person writes on the card of a ballot by name; a longer name is refused. Larger: a row does not
fit on a phone. Smaller: long names with a post are refused.
"""
WITHDRAWALS = 5
"""Withdrawals of the cards of one site in one vote; a further one is refused. So no site uses up those of another. Each leaves an
old code, by which phones with a ballot find their card. Chosen. Larger: each ballot writes more old codes. A site that takes all
its free cards after each withdrawal also learns more often how many of its phones have voted. Smaller: a vote must be annulled
because a code was sent out of the hall.
"""
KEYS_HELD = 8
"""Keys of one meeting's sealed boxes that the escrow holds. There are more than two only if the database did not answer. Then
the oldest is dropped, but never the key of the form that the database has for certain. Larger: more old boxes can be opened
during a fault. Smaller: a box that the database has stored without an answer can be lost.
"""
