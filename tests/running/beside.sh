#!/usr/bin/env bash
# Run checks of the sources beside pytest: `beside.sh CHECKS PYTEST...`. CHECKS is a command of the shell. Its output goes to a
# file, and is printed if the checks fail. The lock is that of `groups.py`: tests with the mark `whole_machine` wait until the
# checks have ended.
set -uo pipefail
checks=$1
shift
log=.cache/checks.log
mkdir -p .cache
unset MAKEFLAGS MFLAGS MAKELEVEL # The checks start their own jobs. The jobs of the calling make are not theirs.
setsid flock --shared "${TMPDIR:-/tmp}/diemcau-tests-$(id -u)" nice -n 5 bash -c "$checks" >"$log" 2>&1 &
group=$!
trap 'kill -- "-$group" 2>/dev/null' EXIT
"$@"
result=$?
[ "$result" -le 1 ] || exit "$result" # pytest was stopped: do not wait for the checks
if ! wait "$group"; then
    cat "$log"
    echo "The checks of the sources failed ($checks)."
    exit 1
fi
exit "$result"
