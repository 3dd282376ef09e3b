#!/usr/bin/env bash
# Builds AERO against several versions of LibTorch, and runs the tests with each.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/test_libtorch.sh VERSION...

For each VERSION of torch, such as 2.11.0, installs it from the default package index into
build/libtorch/VERSION (PyPI's wheels are built for CUDA, 5 GB each with what they need), builds AERO
against it without a warning, and runs all tests that need no torch in Python, on the CPU. What
exists already is used again. Prints a line per version at the end, and fails where one of them does
not build, or has a test that fails.
END
}

versions=()
for argument; do
  case $argument in
    -h | --help) usage && exit 0 ;;
    [0-9]*.[0-9]*.[0-9]*) versions+=("$argument") ;;
    *) usage >&2 && exit 2 ;;
  esac
done
((${#versions[@]})) || { usage >&2 && exit 2; }

cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh

install() {
  local version=$1 folder=$2
  [[ -f $folder/ready ]] && return
  build/venv/bin/python -m venv --clear "$folder/venv" &&
    "$folder/venv/bin/python" -m pip install -q "torch==$version" &&
    touch "$folder/ready"
}

build() {
  local folder=$1
  cmake -G Ninja -S . -B "$folder/build" -DCMAKE_BUILD_TYPE=Release \
    -DAERO_LIBTORCH="$(echo "$PWD/$folder"/venv/lib/python3*/site-packages/torch)" \
    -DAERO_PYTHON="$PWD/build/venv/bin/python" &&
    cmake --build "$folder/build" --parallel "$(nproc)"
}

run_tests() {
  local folder=$1
  CUDA_VISIBLE_DEVICES='' ctest --test-dir "$folder/build" --output-on-failure --parallel "$(nproc)" \
    -E '^(scripts|gpu|golden|private)\.'
}

failed=0
summary=()
for version in "${versions[@]}"; do
  folder=build/libtorch/$version
  mkdir -p "$folder"
  printf 'LibTorch %s: see %s/log.txt\n' "$version" "$folder"
  status=0
  { install "$version" "$folder" && build "$folder" && run_tests "$folder"; } >"$folder/log.txt" 2>&1 ||
    status=1
  summary+=("$version: $(grep -E 'tests passed' "$folder/log.txt" || tail -n 1 "$folder/log.txt")")
  ((status == 0)) || failed=1
done
printf '%s\n' "${summary[@]}"
exit "$failed"
