# Shared by the scripts of this folder: source it, do not run it. Quiet when all is well; says what failed and what to do.
set -euo pipefail

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$project"
export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf '%s\n' "$*" >&2; }

# fail WHAT NEXT: one sentence about the failure, one about the way out.
fail() {
    say "error: $1"
    if [ -n "${2-}" ]; then say "  next: $2"; fi
    exit 1
}

# quietly WHAT NEXT COMMAND...: the output of COMMAND shows only when it fails.
quietly() {
    local what=$1 next=$2 log
    shift 2
    log=$(mktemp)
    if "$@" >"$log" 2>&1 </dev/null; then
        rm -f "$log"
    else
        tail -n 30 "$log" >&2
        rm -f "$log"
        fail "$what" "$next"
    fi
}

# Prints the Python to use: $PYTHON, else the first of the usual names that is new enough.
find_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    fail "no Python 3.11 or newer was found" "install it (Debian: apt install python3), or set PYTHON=/path/to/python3"
}

can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# apt_install PACKAGE...: only where can_apt. The package lists are refreshed when the first try fails.
apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y --no-install-recommends "$@" >/dev/null 2>&1 </dev/null && return
    quietly "the package lists could not be refreshed" "see the lines above; check the network and apt's sources" \
        apt-get update
    quietly "could not install: $*" "see the lines above" apt-get install -y --no-install-recommends "$@"
}

# make_venv PYTHON FOLDER [OPTION...]: a virtual environment with pip, also where Debian's python3-venv is missing.
make_venv() {
    local python=$1 folder=$2
    shift 2
    rm -rf "$folder"
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        if "$python" -m pip --version >/dev/null 2>&1; then
            quietly "the virtual environment could not be made" "see the lines above" \
                "$python" -m venv --without-pip "$@" "$folder"
            quietly "pip could not be put into the virtual environment" "install python3-venv" \
                "$python" -m pip --python "$folder/bin/python" install pip
            return
        fi
        can_apt || fail "this Python has neither ensurepip nor pip" "install them: sudo apt install python3-venv"
        apt_install python3-venv
    fi
    quietly "the virtual environment could not be made" "install python3-venv (Debian: sudo apt install python3-venv)" \
        "$python" -m venv "$@" "$folder"
}
