#!/usr/bin/env bash
# The WebDAV tests use Debian's litmus and rclone. Installs what is missing where that is possible.
. "$(dirname "$0")/lib.sh"

missing=()
for name in litmus rclone; do
    command -v "$name" >/dev/null || missing+=("$name")
done
if [ ${#missing[@]} = 0 ]; then exit 0; fi
can_apt || fail "the WebDAV tests need ${missing[*]}" "sudo apt install ${missing[*]}"
say "installing ${missing[*]} for the tests"
apt_install "${missing[@]}"
