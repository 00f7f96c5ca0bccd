"""Routes of the register: units, people, sites, terminals, and files that are exchanged."""
