"""Limits and rhythm of the test participants."""

COUNT = 200
"""Test participants of one command (`diemcau bot`); more are refused. Chosen. Larger: the machine of the command is overloaded.
Smaller: tests of large meetings need several commands.
"""
JOINS_AT_ONCE = 4
"""Test participants that join at the same time. Chosen. More: joins on a small machine time out. Fewer: a large group takes
longer to join.
"""
JOIN_S = 20.0
"""Seconds from a test participant's request to its connected media path; then the join has failed. Chosen. Longer: failures are
reported later. Shorter: a slow server looks broken.
"""
LEAVE_S = 3.0
"""Seconds at most for a test participant to send `leave`, and as long again to close its media path. Chosen. Longer: the
command ends later with a dead server. Shorter: the server may not get `leave`, so it shows the participant for longer.
"""
GOODBYE_S = 1.0
"""Seconds that a test participant waits for the server's reason after its media path has closed. Chosen. Longer: the command
ends later. Shorter: the reason is not shown.
"""
MESSAGE_BYTES = 1024 * 1024
"""Bytes of one message from the server to a test participant; a longer one ends the participant. Chosen. Larger: a hostile
server costs more memory. Smaller: descriptions of large conferences end the participant.
"""
REASON_CHARACTERS = 200
"""Characters of the server's reason for a refusal that the command prints; the rest is cut. Larger: a hostile server fills the
terminal. Smaller: reasons are cut.
"""
CANDIDATES = 20
"""Server addresses (ICE candidates) that a test participant tries; the rest is ignored. Chosen. Larger: a hostile server causes
more packets. Smaller: a usable address may be missed.
"""
REMOTE_SECTIONS = 100
"""SDP sections for audio, and for video, with which a test participant receives tracks of others. Chosen. Larger: only a
server that asks for more costs more memory. Smaller: a test participant that watches misses tracks.
"""
SILENCE_TOLERATED_S = 30.0
"""Seconds without a message from the server after which a test participant ends, if the server names no time. Our server names
20 (PING_TIMEOUT_S), so this counts only with other servers. Chosen. Longer: a dead server is noticed later. Shorter: a busy
server looks dead.
"""

PICTURES_PER_SECOND = 15
"""Pictures per second of a test participant's video. Chosen. More: more CPU time and traffic. Fewer: the motion looks unlike a
camera.
"""
LOOP_S = 4
"""Seconds of the video that a test participant repeats. Chosen. Longer: more encoding before the join, and more memory.
Shorter: the repetition is seen.
"""
KEY_PICTURE_EVERY_S = 1
"""Seconds between key frames of a test participant's video. The repeated video is encoded once, so a key frame request is
answered by the next of its key frames. Longer: new viewers wait. Shorter: the picture has less quality.
"""
PICTURE_BPS = 300_000
"""Bit rate of a test participant's video in bit/s. Chosen. Larger: more traffic for each participant. Smaller: numbers in the
picture are hard to read.
"""
LAG_S = 1.0
"""Seconds. Chosen. When a test participant is later than this with its media, it does not catch up in a burst; it continues
from now. Longer: bursts are larger. Shorter: each short pause of the machine leaves a gap.
"""
