#!/usr/bin/env bash
# Makes or refreshes .venv: `venv.sh run` with what the product needs, `venv.sh dev` with the tests' and linters' needs
# too. A stamp keyed on pyproject.toml, the Python and CONSTRAINTS (a pip constraints file) makes it a no-op when nothing changed.
. "$(dirname "$0")/lib.sh"

level=${1:-run}
case $level in
run) target=. ;;
dev) target=.[dev] ;;
*) fail "unknown level: $level" "use 'run' or 'dev'" ;;
esac

python=$(find_python)
key=$({ cat pyproject.toml ${CONSTRAINTS:+"$CONSTRAINTS"} && "$python" -VV && echo "$project"; } | sha256sum | cut -d' ' -f1)
for stamp in dev "$level"; do
    if [ "$(cat ".venv/stamp-$stamp" 2>/dev/null)" = "$key" ]; then exit 0; fi
done

say "setting up .venv ($level) with $("$python" --version); this happens once"
.venv/bin/python -m pip --version >/dev/null 2>&1 || make_venv "$python" .venv
rm -f .venv/stamp-*
quietly "the Python packages could not be installed" "see the lines above; check the network and pip's configuration" \
    .venv/bin/python -m pip install --quiet ${CONSTRAINTS:+--constraint "$CONSTRAINTS"} --editable "$target"
printf '%s\n' "$key" >".venv/stamp-$level"
