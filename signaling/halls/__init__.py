"""Hall terminals joined to meetings. `HALLS.md` shows the parts, who calls whom, and the life of a call."""
