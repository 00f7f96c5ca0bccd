"""The limits of the SIP core. The folder imports nothing of ours."""
