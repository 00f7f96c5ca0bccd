"""Fields of terminals begin to act on calls. Terminals with the values of an empty form are called as before.

Before this step no call read these fields. Every call offered slides, encryption and all codecs, and had no limit of bandwidth.
2000 kbit/s was the value that an empty form stored. A person entered each other bandwidth or largest picture. These values act
from now on.
"""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.execute("UPDATE terminal SET encrypts = true, shows_content = true, codecs = '[]'")
    op.execute("UPDATE terminal SET bandwidth_kbps = 10000 WHERE bandwidth_kbps = 2000")
    op.execute("UPDATE terminal SET bandwidth_kbps = 100 WHERE bandwidth_kbps < 100")
