#!/usr/bin/env bash
# Installs what AERO needs to build: Debian packages, a Python venv in build/venv, LibTorch.
# A second run finds everything in place, needs no network and takes a second.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/setup.sh [--golden] [--lint] [--bench] [--cuda]

Installs what is missing to build and test AERO:
  - Debian packages, as root or through sudo (without either: prints which are missing),
  - build/venv with the Python packages of the scripts,
  - LibTorch, as the CPU build of the Python package torch in build/venv.
scripts/versions.env names the versions. The next run continues where a run was interrupted.

  --golden   also installs transformers, which makes the reference tensors of tests/golden
  --lint     also installs clang-format, clang-tidy and mypy
  --bench    also installs Google Benchmark, with which tests/bench is built
  --cuda     installs all of it in build/venv-cuda, with the CUDA build of torch (5 GB), for the
             preset cuda-release; no CUDA toolkit is needed, but where there is nvcc, AERO's own
             kernels are compiled, too

environment:
  AERO_LIBTORCH=DIR      use this LibTorch folder, or the folder of this Python torch package;
                         then torch is not installed
  AERO_ALLOW_CUDA=1      accept torch's CUDA build (5 GB) when PyTorch's CPU index is out of reach
END
}

say() { printf 'setup: %s\n' "$*"; }
warn() { printf 'setup: warning: %s\n' "$*" >&2; }
fail() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

golden=
lint=
bench=
cuda=
while (($#)); do
  case $1 in
    --golden) golden=1 ;;
    --lint) lint=1 ;;
    --bench) bench=1 ;;
    --cuda) cuda=1 ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/versions.env
source "$root/scripts/versions.env"
venv=$root/build/venv${cuda:+-cuda}

# --- Debian packages ---------------------------------------------------------------------------

# Prints the installed version without epoch, nothing when the package is not installed.
installed_version() {
  local status_and_version
  status_and_version=$(dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$1" 2>/dev/null |
    sed -n 's/^installed //p' | head -n 1) || true
  printf '%s' "${status_and_version#*:}"
}

install_debian_packages() {
  local wanted=("${AERO_DEBIAN_BUILD[@]}") missing=() package name tested have
  [[ -n $lint ]] && wanted+=("${AERO_DEBIAN_LINT[@]}")
  [[ -n $bench ]] && wanted+=("${AERO_DEBIAN_BENCH[@]}")
  if ! command -v dpkg-query >/dev/null; then
    warn "this is not a Debian system; install by hand: ${wanted[*]}"
    return
  fi
  for package in "${wanted[@]}"; do
    name=${package%%=*}
    [[ -n $(installed_version "$name") ]] || missing+=("$name")
  done
  if ((${#missing[@]} == 0)); then
    return
  fi

  local as_root=()
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
      fail "these Debian packages are missing: ${missing[*]}" \
        "let someone with root rights run this, then start again:" \
        "  apt-get install --no-install-recommends ${missing[*]}"
    fi
    as_root=(sudo -n)
  fi
  say "installing Debian packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -q || warn "apt-get update failed; continuing with the old lists"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "${missing[@]}" ||
    fail "apt-get could not install: ${missing[*]}" "see its message above"

  for package in "${wanted[@]}"; do
    name=${package%%=*} tested=${package#*=}
    have=$(installed_version "$name")
    [[ $have == "$tested"* ]] || say "note: $name is $have here; AERO was tested with $tested"
  done
}

# --- LibTorch that the user has ------------------------------------------------------------------

check_given_libtorch() {
  local folder=$1 version
  local config=$folder/share/cmake/Torch/TorchConfig.cmake
  [[ -f $config ]] || fail "AERO_LIBTORCH=$folder is not a LibTorch: $config does not exist." \
    "Name the folder 'libtorch' of PyTorch's zip file, or what this prints:" \
    "  python3 -c 'import torch, os; print(os.path.dirname(torch.__file__))'"
  version=$(sed -n 's/^set(PACKAGE_VERSION "\(.*\)")$/\1/p' "${config%.cmake}Version.cmake")
  say "LibTorch ${version:-of unknown version} at $folder"
  if [[ " $AERO_TORCH_TESTED " != *" ${version%.*} "* ]]; then
    warn "AERO is tested with LibTorch $AERO_TORCH_TESTED; another may not compile"
  fi
}

# --- Python --------------------------------------------------------------------------------------

python_fits() {
  "$1" -c "import sys, venv, ensurepip
sys.exit(sys.version_info < tuple(map(int, '$AERO_PYTHON_MINIMUM'.split('.'))))" 2>/dev/null
}

find_python() {
  local candidate
  for candidate in python3 /usr/bin/python3; do
    if command -v "$candidate" >/dev/null && python_fits "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  fail "no python3 of at least $AERO_PYTHON_MINIMUM with the modules venv and ensurepip was found." \
    "On Debian 12 both come with: apt-get install python3-venv"
}

pip() { "$venv/bin/python" -m pip --disable-pip-version-check -qq "$@"; }

# Succeeds where the torch that pip would install depends on the CUDA libraries.
torch_brings_cuda() {
  pip install --dry-run --no-deps --only-binary :all: --report "$venv/torch.json" \
    "torch==$AERO_TORCH_VERSION" &&
    "$venv/bin/python" - "$venv/torch.json" <<'END'
import json, sys

with open(sys.argv[1]) as file:
    (torch,) = json.load(file)["install"]
needs = " ".join(torch["metadata"].get("requires_dist", []))
sys.exit(not ("nvidia-" in needs or "cuda-" in needs))
END
}

install_torch() {
  local torch=torch==$AERO_TORCH_VERSION
  # Only the torch wheel comes from the CPU index; its dependencies come from the default index.
  if ! pip install --no-deps --retries 0 --timeout 15 "$@" \
    --index-url https://download.pytorch.org/whl/cpu "$torch"; then
    say "PyTorch's CPU index did not answer; asking the default package index"
    if [[ ${AERO_ALLOW_CUDA:-} != 1 ]] && torch_brings_cuda; then
      fail "the default package index has only torch's CUDA build (several GB)." \
        "Try again when https://download.pytorch.org/whl/cpu can be reached, or name a LibTorch" \
        "that you have (AERO_LIBTORCH=DIR), or take the CUDA build (AERO_ALLOW_CUDA=1)."
    fi
    pip install --no-deps "$@" "$torch" || return 1
  fi
  pip install -c "$venv/constraints.txt" "$torch"
}

# === leaves out 2.13.0+cpu, which a private index may have.
install_torch_cuda() { pip install -c "$venv/constraints.txt" "$@" "torch===$AERO_TORCH_VERSION"; }

install_scripts() { pip install -c "$venv/constraints.txt" "$@" "${AERO_PYTHON_PACKAGES[@]}"; }
install_lint() { pip install -c "$venv/constraints.txt" "$@" "${AERO_PYTHON_LINT[@]}"; }
install_golden() { pip install -c "$venv/constraints.txt" "$@" "${AERO_PYTHON_GOLDEN[@]}"; }

# Runs install_GROUP unless it has already succeeded for the same versions.
ensure_group() {
  local group=$1 description=$2 ready=$venv/$1.ready again=()
  local versions="$description ${AERO_PYTHON_CONSTRAINTS[*]}"
  if [[ -f $ready && $(<"$ready") == "$versions" ]]; then
    return
  fi
  say "installing Python packages: $description"
  # An interrupted run may have unpacked packages in part.
  [[ -f $ready.unfinished ]] && again=(--force-reinstall)
  rm -f "$ready"
  : >"$ready.unfinished"
  "install_$group" "${again[@]}" ||
    fail "pip could not install: $description" "see its message above, then start again"
  printf '%s' "$versions" >"$ready"
  rm "$ready.unfinished"
}

ensure_venv() {
  local python
  if [[ -f $venv/pip.ready && $(<"$venv/pip.ready") == "$AERO_PIP" ]] &&
    "$venv/bin/python" -c '' 2>/dev/null; then
    return
  fi
  python=$(find_python)
  say "making a Python environment in ${venv#"$root"/} with $python"
  "$python" -m venv --clear "$venv"
  pip install "$AERO_PIP" || fail "pip could not install $AERO_PIP"
  printf '%s' "$AERO_PIP" >"$venv/pip.ready"
}

install_python_packages() {
  ensure_venv
  printf '%s\n' "${AERO_PYTHON_PACKAGES[@]}" "${AERO_PYTHON_GOLDEN[@]}" \
    "${AERO_PYTHON_LINT[@]}" "${AERO_PYTHON_CUDA[@]}" "${AERO_PYTHON_CONSTRAINTS[@]}" >"$venv/constraints.txt"
  if [[ -z ${AERO_LIBTORCH:-} ]]; then
    if [[ -n $cuda ]]; then
      ensure_group torch_cuda "torch===$AERO_TORCH_VERSION (LibTorch with CUDA, 5 GB)"
    else
      ensure_group torch "torch==$AERO_TORCH_VERSION (LibTorch, some 200 MB)"
    fi
  fi
  ensure_group scripts "${AERO_PYTHON_PACKAGES[*]}"
  if [[ -n $golden ]]; then
    ensure_group golden "${AERO_PYTHON_GOLDEN[*]}"
  fi
  if [[ -n $lint ]]; then
    ensure_group lint "${AERO_PYTHON_LINT[*]}"
  fi
}

mkdir -p "$root/build"
# The lock keeps two set-ups from writing into one venv at the same time.
exec 9>"$root/build/setup.lock"
if command -v flock >/dev/null; then
  flock 9
fi

install_debian_packages
if [[ -n ${AERO_LIBTORCH:-} ]]; then
  check_given_libtorch "$AERO_LIBTORCH"
fi
install_python_packages
