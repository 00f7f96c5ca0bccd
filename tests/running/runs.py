"""The two kinds of runs: `make test`, and the long run of `make sim`."""

import os

LONG_RUN = "HYPOTHESIS_PROFILE" in os.environ
"""True in `make sim`, which runs counts, widths and databases that `make test` leaves out. `make sim` runs a test with a browser
or a client library only if the test has the mark `sim` or `longer`.
"""
