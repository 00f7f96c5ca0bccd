"""Limits and rhythm of the test participants."""

COUNT = 200
"""Participants of one command. Chosen. Larger: the machine of the command is overloaded. Smaller: large meetings need several
commands.
"""
JOINS_AT_ONCE = 4
"""Test participants that join at the same time. Chosen. More: joins on a small machine time out. Fewer: a large group takes
longer to join.
"""
JOIN_S = 20.0
"""Seconds from the request to a connected media path. Chosen. Longer: failures are reported later. Shorter: a slow server looks
broken.
"""
LEAVE_S = 3.0
"""Seconds for the goodbye of a test participant, and for the end of its media path. Chosen. Longer: the command ends later with
a dead server. Shorter: the server sees lost participants.
"""
GOODBYE_S = 1.0
"""Seconds in which the reason may arrive after the media path has closed. Chosen. Longer: the command ends later. Shorter: the
reason is not shown.
"""
MESSAGE_BYTES = 1024 * 1024
"""Bytes of one message from the server. Chosen. Larger: a hostile server costs more memory. Smaller: descriptions of large
conferences end the participant.
"""
REASON_CHARACTERS = 200
"""The longest reason of a refusal that is printed. Larger: a hostile server fills the terminal. Smaller: reasons are cut."""
CANDIDATES = 20
"""Server addresses that are tried from one section. Chosen. Larger: a hostile server causes more packets. Smaller: a usable
address may be missed.
"""
REMOTE_SECTIONS = 100
"""Sections of one kind for other participants' tracks. Chosen. Larger: a hostile server costs more memory. Smaller: a watcher
misses tracks.
"""
SILENCE_TOLERATED_S = 30.0
"""Seconds without a message, if the server names no time. Chosen. Longer: a dead server is noticed later. Shorter: a busy
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
"""Seconds between key frames. The loop is encoded once, so a key frame request is answered by the next key frame of the loop.
Longer: new viewers wait. Shorter: the picture has less quality.
"""
PICTURE_BPS = 300_000
"""Bit rate of a test participant's video in bit/s. Chosen. Larger: more traffic for each participant. Smaller: numbers in the
picture are hard to read.
"""
LAG_S = 1.0
"""Seconds. Chosen. Media that is later than this is not sent in a burst; the clock moves on. Longer: bursts are larger.
Shorter: a short pause shifts the clock.
"""
