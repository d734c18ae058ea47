#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image of the assignment. It makes an
# environment of its own beside the course and proves that every exercise loads in it.
set -euo pipefail

ROOT="${GRADESCOPE_ROOT:-/autograder}"
SOURCE="$ROOT/source"
VENV="$ROOT/venv"
EXERCISES=(@EXERCISES@)
TORCH=@TORCH@
TORCH_ARGS=(@TORCH_ARGS@)

fail() {
    echo "setup.sh: $*" >&2
    exit 1
}

find_python() {
    local name
    for name in python3 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return 0
        fi
    done
    return 1
}

make_environment() {
    local python
    python="$(find_python)" && "$python" -m venv "$VENV"
}

install_python() {
    local version
    apt-get update
    for version in 3.12 3.13 3.11; do
        if apt-get install -y --no-install-recommends "python$version" "python$version-venv"; then
            return 0
        fi
    done
    return 1
}

install() {
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check \
        --constraint "$SOURCE/constraints.txt" "$@"
}

unset PYTHONPATH PYTHONHOME
if [ ! -x "$VENV/bin/python" ] && ! make_environment; then
    rm -rf "$VENV"
    install_python || fail "there is no Python 3.11 or later; choose the base image Ubuntu 24.04"
    make_environment || fail "the environment cannot be made; see the messages above"
fi

engine=("$SOURCE"/engine/*.whl)
if [ "$TORCH" = yes ]; then
    install "${TORCH_ARGS[@]}" torch
    install "${engine[0]}[torch]"
else
    install "${engine[0]}"
fi

# Student code gets a user of its own; nothing here is for it.
chmod -R go-rwx "$SOURCE"

cd "$SOURCE"
"$VENV/bin/autograder" rubric "${EXERCISES[@]}" || fail "an exercise does not load; see above"
