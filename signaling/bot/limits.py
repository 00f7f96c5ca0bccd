"""Limits and rhythm of the test participants."""

COUNT = 200
"""Participants of one command. Chosen. Larger: the machine of the command is overloaded. Smaller: large meetings need several
commands.
"""
JOINS_AT_ONCE = 4
JOIN_S = 20.0
"""Seconds from the request to a connected media path. Chosen. Longer: failures are reported later. Shorter: a slow server looks
broken.
"""
LEAVE_S = 3.0
GOODBYE_S = 1.0
"""Seconds in which the reason may arrive after the media path has closed. Chosen. Longer: the command ends later. Shorter: the
reason is not shown.
"""
MESSAGE_BYTES = 1024 * 1024
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
LOOP_S = 4
KEY_PICTURE_EVERY_S = 1
"""Seconds between key frames. The loop is encoded once, so a key frame request is answered by the next key frame of the loop.
Longer: new viewers wait. Shorter: the picture has less quality.
"""
PICTURE_BPS = 300_000
LAG_S = 1.0
"""Seconds. Chosen. Media that is later than this is not sent in a burst; the clock moves on. Longer: bursts are larger.
Shorter: a short pause shifts the clock.
"""
