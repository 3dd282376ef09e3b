#!/usr/bin/env bash
# Checks formats, Python lint, types, shipped configs and, on request, with clang-tidy.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/lint.sh [--format | --types | --configs | --tidy [FILE...]]

Runs the first three checks where no option is given:
  --format   runs clang-format on C++ and ruff on Python (prints what differs, changes nothing)
  --types    runs mypy on Python, strictly on scripts; needs scripts/setup.sh --lint
  --configs  checks that every config under configs/ parses; needs the release build
  --tidy     runs clang-tidy on the given .cpp files, or on those that differ from the main branch;
             takes some 30 s for a file that includes LibTorch
  --fix      formats C++ and Python in place
END
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."

cpp_files() { find include src tests cmake examples \( -name '*.h' -o -name '*.cpp' \) -print0; }

check_format() {
  cpp_files | xargs -0 clang-format --dry-run -Werror
  build/venv/bin/ruff check scripts tests src
  build/venv/bin/ruff format --check scripts tests src
}

# Checks each folder of tests by itself, because its modules import each other from there.
check_types() {
  local folder
  build/venv/bin/mypy
  for folder in $(dirname tests/*/*.py | sort -u); do
    MYPYPATH=scripts:$folder build/venv/bin/mypy --config-file tests/mypy.ini "$folder"
  done
}

fix_format() {
  cpp_files | xargs -0 clang-format -i
  build/venv/bin/ruff check --fix scripts tests src
  build/venv/bin/ruff format scripts tests src
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
      configs/cost/spu_0.9.5.json) ;; # other cost models extend it; it prices nothing alone
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
