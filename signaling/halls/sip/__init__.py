"""The SIP side of hall calls: calls, accounts and saved data, all above `signaling.sip`."""
