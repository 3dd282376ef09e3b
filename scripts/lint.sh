#!/usr/bin/env bash
# Formats, Python lint, types, shipped configs and clang-tidy.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/lint.sh [--format | --types | --configs | --tidy [FILE...]]

Without an option, the first three:
  --format   clang-format over C++ sources, ruff over Python (says what differs, changes nothing)
  --types    mypy over Python, strictly over scripts; needs scripts/setup.sh --lint
  --configs  every config under configs/ parses; needs the release build
  --tidy     clang-tidy over the given .cpp files, or over those that differ from the main branch;
             some 30 s for a file that sees LibTorch
  --fix      formats C++ and Python in place
END
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."

cpp_files() { find include src tests cmake examples \( -name '*.h' -o -name '*.cpp' \) -print0; }

check_format() {
  cpp_files | xargs -0 clang-format --dry-run -Werror
  build/venv/bin/ruff check scripts tests
  build/venv/bin/ruff format --check scripts tests
}

# Each folder of tests by itself, for its modules find each other there.
check_types() {
  local folder
  build/venv/bin/mypy
  for folder in $(dirname tests/*/*.py | sort -u); do
    MYPYPATH=scripts:$folder build/venv/bin/mypy --config-file tests/mypy.ini "$folder"
  done
}

fix_format() {
  cpp_files | xargs -0 clang-format -i
  build/venv/bin/ruff check --fix scripts tests
  build/venv/bin/ruff format scripts tests
}

check_configs() {
  local file
  while IFS= read -r -d '' file; do
    case $file in
      *schema.json) ;;
      configs/cost/networks/*)
        build/release/bin/aero report configs/quickstart.json --cost spu_0.9.5_default_colocated \
          --network "$file" >/dev/null
        ;;
      configs/cost/spu_0.9.5.json) ;; # the base of those that follow
      configs/cost/*) build/release/bin/aero report configs/quickstart.json --cost "$file" >/dev/null ;;
      *pipeline*) build/release/bin/aero pipeline "$file" --list >/dev/null ;;
      configs/tiny/base.json) build/release/bin/aero config check "$file" ;;
      configs/tables/* | configs/tiny/*) build/release/bin/aero ablate "$file" --list >/dev/null ;;
      *) build/release/bin/aero config check "$file" ;;
    esac
  done < <(find configs -name '*.json' -print0)
}

changed_sources() {
  local base
  base=$(git merge-base HEAD main 2>/dev/null || git rev-parse HEAD)
  {
    git diff --name-only --diff-filter=d "$base" -- 'src/*.cpp'
    git ls-files --others --exclude-standard -- 'src/*.cpp'
  } | sort -u
}

# clang-tidy reads GCC's command lines, but not GCC's precompiled headers.
check_tidy() {
  local files=("$@")
  ((${#files[@]})) || mapfile -t files < <(changed_sources)
  ((${#files[@]})) || return 0
  cmake --preset tidy -DAERO_LIBTORCH="${AERO_LIBTORCH:-}" >/dev/null
  printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" \
    clang-tidy --quiet -p build/tidy --extra-arg=-Wno-unknown-warning-option \
    2> >(grep -v ' warnings generated' >&2)
}

case ${1:-} in
  '')
    check_format
    check_types
    check_configs
    ;;
  --format) check_format ;;
  --types) check_types ;;
  --configs) check_configs ;;
  --fix) fix_format ;;
  --tidy) check_tidy "${@:2}" ;;
  -h | --help) usage ;;
  *) usage >&2 && exit 2 ;;
esac
