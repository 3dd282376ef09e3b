#!/usr/bin/env bash
# Configures and builds one preset, after scripts/setup.sh.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/build.sh [PRESET [TARGET...]]

Builds AERO with a preset of CMakePresets.json (default: release) in build/PRESET; builds everything
where no target is named. Runs scripts/setup.sh first, for cuda-release with --cuda. AERO_LIBTORCH
names a LibTorch, as for scripts/setup.sh.
END
}

case ${1:-} in
  -h | --help) usage && exit 0 ;;
  -*) usage >&2 && exit 2 ;;
esac
preset=${1:-release}
targets=("${@:2}")

cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [[ $preset == cuda-* ]]; then
  scripts/setup.sh --cuda
else
  scripts/setup.sh
fi
libtorch=
if [[ -n ${AERO_LIBTORCH:-} ]]; then
  libtorch=$(realpath "$AERO_LIBTORCH")
fi

# CMake remembers every library of the LibTorch that it found first, and the folder of the sources:
# another LibTorch or a moved checkout needs a fresh cache.
cache=build/$preset/CMakeCache.txt
cached() { sed -n "s/^$1:[A-Z]*=//p" "$cache"; }
fresh=()
if [[ -f $cache ]] &&
  [[ $(cached AERO_LIBTORCH) != "$libtorch" || $(cached CMAKE_HOME_DIRECTORY) != "$PWD" ]]; then
  fresh=(--fresh)
fi
cmake --preset "$preset" "${fresh[@]}" -DAERO_LIBTORCH="$libtorch"

# A source that includes LibTorch takes up to 2 GB to compile.
memory_kb=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB$/\1/p' /proc/meminfo)
jobs=$((memory_kb / 2000000))
jobs=$((jobs < $(nproc) ? jobs : $(nproc)))
cmake --build --preset "$preset" --parallel $((jobs > 1 ? jobs : 1)) ${targets:+--target "${targets[@]}"}
