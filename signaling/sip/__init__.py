"""SIP for hall terminals (RFC 3261): registration, calls in and out, and the bodies that they carry.

Owns the wire format, transactions, dialogs, digest and bans; sans-IO but for one asyncio driver. Decides nothing about
who may be in which meeting, touches no packets: bodies are opaque to the core.
"""

from signaling.sip.agent import Agent, AgentEvents, Target
from signaling.sip.call import Call, CallEvents, Refused
from signaling.sip.causes import Cause, Kind
from signaling.sip.core import Config
from signaling.sip.digest import Credentials, ha1
from signaling.sip.driver import Driver, Listen
from signaling.sip.fields import Address, Malformed, Uri, read_uri
from signaling.sip.guard import Ban, BanStore, MemoryBans, Networks
from signaling.sip.registrar import Account, Binding, Directory, Trunk
from signaling.sip.subscription import Subscription, SubscriptionEvents

__all__ = [
    "Account",
    "Address",
    "Agent",
    "AgentEvents",
    "Ban",
    "BanStore",
    "Binding",
    "Call",
    "CallEvents",
    "Cause",
    "Config",
    "Credentials",
    "Directory",
    "Driver",
    "Kind",
    "Listen",
    "Malformed",
    "MemoryBans",
    "Networks",
    "Refused",
    "Subscription",
    "SubscriptionEvents",
    "Target",
    "Trunk",
    "Uri",
    "ha1",
    "read_uri",
]
