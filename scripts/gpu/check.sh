#!/usr/bin/env bash
# Builds AERO on a machine with a GPU, tests it on the card, measures it and trains with it.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/gpu/check.sh [STAGE...] [OPTION...]

Stages (all of them, in this order, where none is named):
  build   configures and builds against the torch package of this machine's Python
  test    runs the tests of C++ and the program on the card, then trial runs (scripts/gpu/trials.py)
  bench   measures training steps beside PyTorch, eager and compiled (scripts/gpu/benchmark.py)
  train   trains the papers' models at full size on the same tokens (scripts/gpu/train.py)

Each takes less than ten minutes, continues where it was cut off when it is started again, and needs
no network. The results are in OUT/results.json and OUT/results.md, with the card, its driver, the
LibTorch and the commit.

options:
  --device cuda|cpu   what to check (default: cuda)
  --out FOLDER        where the results go (default: build/gpu-check)
  --build FOLDER      an existing build, which the stage build takes as it is
  --seconds N         the most seconds that a stage may take (default: 540)
  --tiny              runs every stage at small sizes, as a rehearsal
  --fresh             deletes the results of earlier runs

environment:
  AERO_LIBTORCH=DIR       the LibTorch to build against, if not that of the Python
  AERO_PYTHON=PYTHON      the Python with torch and numpy (default: python3)
  AERO_GPU_PACK=DIR       what scripts/gpu/pack.sh made (default: build/gpu-pack, where it exists)
END
}

fail() {
  printf 'check: %s\n' "$@" >&2
  exit 1
}
say() { printf '\n== %s\n' "$*"; }

stages=()
device=cuda out= build= seconds=540 tiny=() fresh=
needs_value() { (($# > 1)) || fail "$1 needs a value; see --help"; }
while (($#)); do
  case $1 in
    build | test | bench | train) stages+=("$1") ;;
    --device | --out | --build | --seconds)
      needs_value "$@"
      declare "${1#--}=$2"
      shift
      ;;
    --tiny) tiny=(--tiny) ;;
    --fresh) fresh=1 ;;
    -h | --help) usage && exit 0 ;;
    *) fail "unknown argument $1; see --help" ;;
  esac
  shift
done
((${#stages[@]})) || stages=(build test bench train)
[[ $device == cuda || $device == cpu ]] || fail "--device $device: it must be cuda or cpu"
[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "--seconds $seconds: it must be a whole number above 0"

out=$(realpath -m "${out:-build/gpu-check}")
given=${build:+$(realpath -m "$build")}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
build=${given:-$root/build/gpu}
aero=$build/bin/aero
pack=$(realpath -m "${AERO_GPU_PACK:-build/gpu-pack}")
here=scripts/gpu
python=${AERO_PYTHON:-python3}
mkdir -p "$out"
if [[ -n $fresh ]]; then # removes what the stages write, and nothing else that may be there
  rm -rf "$out"/results.{json,md} "$out"/build/{configure.log,build.log,doctor.txt} \
    "$out"/{suite/suite,trials/trials,bench/benchmark,train/train}.* "$out"/train/work
fi

# --- build ---------------------------------------------------------------------------------------

libtorch() {
  if [[ -n ${AERO_LIBTORCH:-} ]]; then
    realpath "$AERO_LIBTORCH"
  else
    "$python" -c 'import os, torch; print(os.path.dirname(torch.__file__))' ||
      fail "$python has no package torch; name a LibTorch: AERO_LIBTORCH=DIR"
  fi
}

configure() {
  local options=(-DCMAKE_BUILD_TYPE=Release -DAERO_BUILD_TESTS=ON -DAERO_LIBTORCH="$1"
    -DAERO_PYTHON="$(command -v "$python")" -DAERO_WERROR=OFF)
  if [[ -d $pack ]]; then
    options+=(-DCMAKE_PREFIX_PATH="$pack/usr")
  fi
  # CMake names the compilers only for a fresh cache; what is compiled stays.
  cmake --fresh -G Ninja -S "$root" -B "$build" "${options[@]}"
}

stage_build() {
  local folder=$out/build torch status=0
  mkdir -p "$folder"
  # A build that was cut off goes on, and so does its log.
  [[ -f $folder/unfinished ]] || rm -f "$folder"/{configure.log,build.log}
  if [[ -z $given ]]; then
    torch=$(libtorch) || return
    touch "$folder/unfinished"
    configure "$torch" 2>&1 | tee "$folder/configure.log" || return
    # -k 0 builds the other programs where one does not build.
    timeout "$seconds" cmake --build "$build" --parallel "$(nproc)" -- -k 0 2>&1 | tee -a "$folder/build.log" || status=$?
    ((status == 124)) || rm "$folder/unfinished"
  fi
  "$aero" doctor | tee "$folder/doctor.txt" || return
  return "$status"
}

# --- the other stages ----------------------------------------------------------------------------

stage_test() {
  local status=0
  "$python" $here/suite.py --aero "$aero" --out "$out/suite" --device "$device" \
    --seconds $((seconds * 6 / 10)) "${tiny[@]}" || status=1
  "$python" $here/trials.py --aero "$aero" --out "$out/trials" --device "$device" \
    --seconds $((seconds * 4 / 10)) "${tiny[@]}" || status=1
  return "$status"
}

stage_bench() {
  "$python" $here/benchmark.py --aero "$aero" --out "$out/bench" --device "$device" \
    --seconds "$seconds" "${tiny[@]}"
}

stage_train() {
  "$python" $here/train.py --aero "$aero" --out "$out/train" --device "$device" \
    --seconds "$seconds" "${tiny[@]}"
}

if [[ -f $pack/commit ]]; then
  AERO_COMMIT=${AERO_COMMIT:-$(git describe --always --dirty --abbrev=12 2>/dev/null || cat "$pack/commit")}
  export AERO_COMMIT
fi

failed=()
for stage in "${stages[@]}"; do
  say "$stage"
  [[ $stage == build || -x $aero ]] || fail "$aero does not exist; first run: $0 build"
  "stage_$stage" || failed+=("$stage")
done
if [[ -x $aero ]]; then
  "$python" $here/collect.py --aero "$aero" --out "$out" --device "$device"
fi
((${#failed[@]} == 0)) || fail "failed: ${failed[*]}"
