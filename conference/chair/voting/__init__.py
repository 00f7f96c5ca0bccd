"""The parts of a vote: the question, the ballots, the count, the views and the stored form. `VOTES.md` gives the rules."""
