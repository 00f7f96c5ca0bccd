"""The entry point for `diemcau` and `python -m signaling`."""

from signaling.cli import main

if __name__ == "__main__":
    main()
