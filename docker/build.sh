#!/usr/bin/env bash
# Build Điểm Cầu from a source tree: `docker/build.sh python|python-test|web|native|all`. The Makefile and the Dockerfile use
# this script. The results are .venv (Python with locked packages), web/dist (pages) and media/_plane.abi3.so (packet plane).
# The script needs no root.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { # arguments: Vietnamese, English. The text says what the user must do.
    printf '%s\n%s\n' "$1" "$2" >&2
    exit 1
}

find_python() {
    local name
    for name in ${PYTHON:-} python3.14 python3.13 python3.12 python3.11 python3; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    fail "Cần Python 3.11 trở lên: apt-get install python3 python3-venv" "Python 3.11 or newer is needed: apt-get install python3 python3-venv"
}

at_least() { # arguments: version, floor
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

check_rust() {
    local version
    version=$(cargo --version 2>/dev/null | cut -d' ' -f2) || true
    at_least "${version:-0}" 1.85 || fail "Cần Rust 1.85 trở lên (có: ${version:-không}): https://rustup.rs" "Rust 1.85 or newer is needed (found: ${version:-none}): https://rustup.rs"
    command -v cc >/dev/null || fail "Cần trình biên dịch C: apt-get install build-essential" "A C compiler is needed: apt-get install build-essential"
}

check_node() {
    local version
    version=$(node --version 2>/dev/null | tr -d v) || true
    at_least "${version:-0}" 20.19 || fail "Cần Node 20.19 trở lên (có: ${version:-không}): https://nodejs.org" "Node 20.19 or newer is needed (found: ${version:-none}): https://nodejs.org"
}

make_venv() {
    local python
    python=$(find_python)
    if [ ! -x .venv/bin/python ]; then
        "$python" -m venv .venv || fail "Thiếu venv: apt-get install python3-venv" "venv is missing: apt-get install python3-venv"
    fi
    if [ ! -x .venv/bin/uv ]; then
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
    fi
}

install() { # argument: the lock file
    make_venv
    .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r "$1"
    # Without this step, every server and command that may not write here compiles all files at each start. This happens for
    # another user, or with PYTHONDONTWRITEBYTECODE. Some packages contain files for other versions of Python, so errors are
    # ignored.
    .venv/bin/python -m compileall -qq -j 0 .venv/lib conference media rooms signaling tests || true
}

build_web() {
    check_node
    if [ ! -e web/node_modules/.package-lock.json ] || [ web/package-lock.json -nt web/node_modules/.package-lock.json ]; then
        (cd web && npm ci --no-audit --no-fund --loglevel=error >/dev/null)
        touch web/node_modules/.package-lock.json
    fi
    (cd web && npm run --silent build)
}

build_native() {
    check_rust
    # The first run is an editable install, which creates the command `diemcau`. Later runs build only the library.
    local skip=() said
    if [ -x .venv/bin/diemcau ]; then skip=(--skip-install); fi
    # PIP_NO_INDEX: maturin must not install packages that are not in the lock.
    said=$(PIP_NO_INDEX=1 PIP_QUIET=1 VIRTUAL_ENV="$PWD/.venv" PATH="$PWD/.venv/bin:$PATH" \
        .venv/bin/maturin develop --release --quiet "${skip[@]}" 2>&1) || { echo "$said" >&2; return 1; }
}

case "${1:-all}" in
    python) install requirements.lock ;;
    python-test) install requirements-test.lock ;;
    web) build_web ;;
    native) build_native ;;
    all)
        # Separate commands: in an `&&` list, the shell would not stop at a failure inside a function.
        install requirements.lock
        build_web
        build_native
        ;;
    *) fail "Dùng: $0 python|python-test|web|native|all" "Usage: $0 python|python-test|web|native|all" ;;
esac
