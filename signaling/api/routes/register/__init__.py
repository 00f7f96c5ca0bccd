"""The routes of the register: units, people, sites, terminals, and imported or exported files."""
