#!/usr/bin/env bash
# Provides SeaweedFS, the S3 server of the tests, and prints the path of its program. It is built from the Go module proxy, once for
# all clones of a user; what a build that took too long has compiled stays in Go's cache, so the next one goes on from there.
#
# Order: $CYFS_WEED, what an earlier call built, a build of at most $CYFS_WEED_SECONDS (default 330).
. "$(dirname "$0")/lib.sh"

version=v0.0.0-20261109003541-7506e5f91cd6
module=github.com/seaweedfs/seaweedfs
go_least="go1.26"
folder=${XDG_CACHE_HOME:-$HOME/.cache}/cyfs-edge/seaweedfs-$version
seconds=${CYFS_WEED_SECONDS:-330}

if [ -n "${CYFS_WEED-}" ]; then
    [ -x "$CYFS_WEED" ] || fail "\$CYFS_WEED is no program: $CYFS_WEED" "build it, or unset the variable"
    printf '%s\n' "$CYFS_WEED"
    exit 0
fi
if [ -x "$folder/weed" ]; then
    printf '%s\n' "$folder/weed"
    exit 0
fi

command -v go >/dev/null || fail "there is no go to build SeaweedFS with" "install Go 1.26 or later (go.dev/dl), or set CYFS_WEED=/path/to/weed"
found=$(go env GOVERSION)
printf '%s\n%s\n' "$go_least" "$found" | sort -C -V || fail "$found is too old to build SeaweedFS" "install Go 1.26 or later (go.dev/dl)"

say "building SeaweedFS $version with $found; this happens once and takes some minutes"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log
# Without optimisation, which takes as long as all the rest. Not `go install`: it refuses a module with replacements. The tests need nothing of what is replaced.
printf 'module weed\n\ngo 1.26\n\nrequire %s %s\n' "$module" "$version" >"$work/go.mod"
if (
    cd "$work"
    GOFLAGS=-buildvcs=false nice timeout "$seconds" \
        go build -p 2 -mod=mod -trimpath -gcflags='all=-N -l' -ldflags='-s -w' -o "$work/weed" "$module/weed"
) >"$log" 2>&1 </dev/null; then
    mkdir -p "$folder"
    mv "$work/weed" "$folder/weed"
    printf '%s\n' "$folder/weed"
    exit 0
fi
tail -n 5 "$log" >&2
fail "SeaweedFS could not be built in $seconds s" "see the lines above; call scripts/seaweedfs.sh again to go on, or raise CYFS_WEED_SECONDS"
