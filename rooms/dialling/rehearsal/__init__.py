"""The results of a rehearsal at each site."""
