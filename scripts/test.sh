#!/usr/bin/env bash
# Sets up, builds everything and runs the tests; the last line is ctest's.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/test.sh [--slow] [CTEST_ARGUMENT...]

Sets up what is missing, builds the release preset and runs all tests except the slow ones. Those of
private inference need Python 3.11, for which SPU is pinned; without it they are left out.

  --slow    also runs the tests labelled slow: more of private inference between two parties,
            programs built against the installed library, and the reference tensors made again with
            transformers

All other arguments are passed to ctest: scripts/test.sh -R '^data' runs the tests of src/data.
END
}

selection=(-LE '^slow$')
case ${1:-} in
  -h | --help) usage && exit 0 ;;
  --slow)
    selection=()
    shift
    ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
if ((${#selection[@]} == 0)); then
  scripts/setup.sh --golden
fi
scripts/setup_private.sh --tests ||
  echo "test: continuing without tests/private, the two-party runs" >&2
scripts/build.sh release
ctest --preset release "${selection[@]}" "$@"
