#!/usr/bin/env bash
# Run checks of the sources beside pytest: `beside.sh CHECKS PYTEST...`. CHECKS is a command of the shell. Its output goes to a
# file, and is printed at the end if the checks fail. The lock is that of `groups.py`: tests with the mark `whole_machine` wait
# until the checks have ended.
set -uo pipefail
set +m # With job control, setsid would return before the checks end.
checks=$1
shift
log=.cache/checks.log
mkdir -p .cache
unset MAKEFLAGS MFLAGS MAKELEVEL # The checks start their own jobs. The jobs of the calling make are not theirs.
exec 3>&2
setsid flock --close --shared "${TMPDIR:-${TEMP:-${TMP:-/tmp}}}/diemcau-tests-$(id -u)" nice -n 5 \
    bash -c "($checks) 3>&- || { echo 'The checks of the sources have failed: .cache/checks.log' >&3; exit 1; }" >"$log" 2>&1 &
group=$!
exec 3>&-
trap 'kill -- "-$group" 2>/dev/null; [ -n "${result-}" ] || pkill -P $$' EXIT # a signal ends pytest and the checks too
"$@"
result=$?
if [ "$result" -gt 1 ] && kill -0 "$group" 2>/dev/null; then
    exit "$result" # pytest was stopped: do not wait for the checks
fi
if ! wait "$group"; then
    cat "$log"
    echo "The checks of the sources failed ($checks)."
    exit 1
fi
exit "$result"
