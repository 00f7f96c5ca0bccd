"""The entry of the mixer process."""

import sys

from media.mixer.process import main

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
