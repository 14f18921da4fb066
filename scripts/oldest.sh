#!/usr/bin/env bash
# The fast tests on the old end of the version ranges, in .venv-oldest: on Debian as root on the archive's own
# packages (only hypothesis and coincurve, which no Debian suite has, are from PyPI); elsewhere on the same versions
# from PyPI, as near as wheels allow.
. "$(dirname "$0")/lib.sh"

packages=(python3-aiohttp python3-asn1crypto python3-boto3 python3-cffi python3-cryptography python3-gmpy2 python3-lmdb
    python3-packaging python3-psutil python3-pytest python3-pytest-asyncio python3-pytest-timeout
    python3-pytest-xdist python3-sdnotify python3-uvloop python3-venv python3-wsproto)

if can_apt && [ -e /etc/debian_version ]; then
    python=/usr/bin/python3
    apt_install "${packages[@]}"
    options=(--system-site-packages)
    wanted=(coincurve hypothesis)
else
    python=$(find_python)
    options=()
    wanted=('.[dev]')
fi
constraints=constraints/bookworm.txt
if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 13))'; then constraints=constraints/trixie.txt; fi

key=$({ cat "$constraints" pyproject.toml && "$python" -VV && echo "${wanted[*]} $project"; } | sha256sum | cut -d' ' -f1)
if [ "$(cat .venv-oldest/stamp 2>/dev/null)" != "$key" ]; then
    make_venv "$python" .venv-oldest ${options[@]+"${options[@]}"}
    quietly "the oldest supported packages could not be installed" "see the lines above" \
        .venv-oldest/bin/python -m pip install --quiet --prefer-binary --constraint "$constraints" "${wanted[@]}"
    printf '%s\n' "$key" >.venv-oldest/stamp
fi

.venv-oldest/bin/python - <<'PYTHON'
import sys
from importlib.metadata import version

names = ("uvloop", "wsproto", "lmdb", "cryptography", "psutil", "sdnotify", "coincurve", "pytest")
print(f"Python {sys.version.split()[0]};", ", ".join(f"{name} {version(name)}" for name in names))
PYTHON
exec .venv-oldest/bin/python -m pytest -q -n 2 -p no:cacheprovider --durations=15 -m "not slow and not interop and not serial"
