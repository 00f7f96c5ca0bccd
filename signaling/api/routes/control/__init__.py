"""The routes of the control room: boards of halls, bans, checks of the network, and the audit log."""
