#!/usr/bin/env bash
# The power-cut tests compile a small recorder of file system calls. Installs a C compiler where that is possible.
. "$(dirname "$0")/lib.sh"

if command -v cc >/dev/null && echo '#include <unistd.h>' | cc -E - >/dev/null 2>&1; then exit 0; fi
can_apt || fail "there is no C compiler, which the power-cut tests need" "sudo apt install gcc libc6-dev"
say "installing a C compiler for the tests"
apt_install gcc libc6-dev
