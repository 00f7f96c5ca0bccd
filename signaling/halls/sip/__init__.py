"""The SIP side of hall calls: calls, accounts and what is saved of them, all above `signaling.sip`."""
