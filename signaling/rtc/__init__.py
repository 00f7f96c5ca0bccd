"""The browser protocol: signalling by WebSocket, and the server API beside it. See PROTOCOL.md.

Owns the wire format and the life of a connection. Decides nothing about who may do what, touches no packets.
"""

from signaling.rtc.messages import Relay
from signaling.rtc.routing import routes
from signaling.rtc.session import Authority, Tally
from signaling.rtc.webhooks import Reporter
from signaling.rtc.webhooks import body as event_body
