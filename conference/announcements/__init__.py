"""The announcements to halls: the texts, and their recordings beside this file."""
