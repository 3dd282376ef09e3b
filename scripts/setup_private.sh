#!/usr/bin/env bash
# Makes build/venv-spu, the Python environment of scripts/private_inference.py. It is kept apart
# from build/venv, because SPU holds numpy and jax at old versions.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/setup_private.sh [--tests]

Makes build/venv-spu with SecretFlow SPU and what it needs, at the versions of scripts/versions.env.
They are pinned for Python 3.11. A second run finds everything in place.

  --tests   also installs pytest, for tests/private

environment:
  AERO_SPU_PYTHON=FILE   uses this Python, where neither python3.11 nor python3 is the right one
END
}

say() { printf 'setup_private: %s\n' "$*"; }
fail() {
  printf 'setup_private: %s\n' "$@" >&2
  exit 1
}

tests=
while (($#)); do
  case $1 in
    --tests) tests=1 ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/versions.env
source "$root/scripts/versions.env"
venv=$root/build/venv-spu

python_fits() {
  "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null
}

find_python() {
  local candidate
  for candidate in ${AERO_SPU_PYTHON:-python3.11 python3 /usr/bin/python3}; do
    if command -v "$candidate" >/dev/null && python_fits "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  fail "SPU ${AERO_SPU_VERSION} and what it needs are pinned for Python 3.11, which was not found" \
    "with the modules venv and ensurepip. Install it (Debian 12: apt-get install python3-venv), or" \
    "name one: AERO_SPU_PYTHON=/path/to/python3.11 scripts/setup_private.sh"
}

packages=("${AERO_SPU_PACKAGES[@]}")
if [[ -n $tests ]]; then
  packages+=("${AERO_SPU_TESTS[@]}")
fi
wanted="$AERO_PIP ${packages[*]}"
ready=$venv/packages.ready
has_all() {
  local package
  [[ -f $ready ]] || return 1
  for package in "$AERO_PIP" "${packages[@]}"; do
    [[ " $(<"$ready") " == *" $package "* ]] || return 1
  done
  "$venv/bin/python" -c '' 2>/dev/null
}

mkdir -p "$root/build"
exec 9>"$root/build/setup_private.lock"
if command -v flock >/dev/null; then
  flock 9
fi
if has_all; then
  exit 0
fi

python=$(find_python)
say "making a Python environment in build/venv-spu with $python"
"$python" -m venv --clear "$venv"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check -qq "$@"; }
pip install "$AERO_PIP" || fail "pip could not install $AERO_PIP"
say "installing SPU $AERO_SPU_VERSION and what it needs (some 500 MB)"
# The list is complete, so pip resolves no dependencies.
pip install --no-deps --only-binary :all: "${packages[@]}" ||
  fail "pip could not install the packages; see its message above" \
    "SPU has wheels for Linux (x86_64, aarch64) and macOS (arm64)"
"$venv/bin/python" -c 'import spu' || fail "SPU was installed, but does not load on this machine"
printf '%s' "$wanted" >"$ready"
