#!/usr/bin/env bash
# Builds the Go client of the tests: `build.sh OUTPUT`. `build.sh --find` only prints the command of a Go that is new enough.
# That is one on the PATH, else the one that docker/test-tools.sh has put into .cache/go. Modules come as Go's own settings say.
set -euo pipefail
cd "$(dirname "$0")"
# Else an older Go fetches a newer one by itself.
export GOTOOLCHAIN=local

floor=$(sed -n 's/^go //p' go.mod)
find_go() {
    local command version
    for command in go "$PWD/../../../.cache/go/go/bin/go"; do
        version=$("$command" env GOVERSION 2>/dev/null) || continue
        if [ "$(printf '%s\n%s\n' "${version#go}" "$floor" | sort -V | head -n 1)" = "$floor" ]; then
            echo "$command"
            return
        fi
    done
    printf '%s\n%s\n' "Cần Go $floor trở lên: docker/test-tools.sh" "Go $floor or newer is needed: docker/test-tools.sh" >&2
    return 1
}

go=$(find_go)
if [ "$1" = --find ]; then
    echo "$go"
    exit
fi
output=$(realpath -m "$OLDPWD/$1")
[[ $1 != /* ]] || output=$1
# Without cgo no C compiler is needed; without its tables of symbols the program is linked faster.
CGO_ENABLED=0 exec nice "$go" build -buildvcs=false -ldflags='-s -w' -o "$output" .
