#!/usr/bin/env bash
# Measures the table of docs/benchmark.md on this machine.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/bench/run.sh [OPTION...]

Builds AERO and measures training steps beside PyTorch, eager and compiled, and beside the authors'
way, in less than 30 minutes once built. Nothing else should run on the machine. The results are in
build/bench: benchmark.json and benchmark.md. Called again, it measures what is missing. Options are
those of scripts/bench/steps.py, such as --scenes.
END
}

case ${1:-} in
  -h | --help) usage && exit 0 ;;
esac
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/build.sh release
exec build/venv/bin/python scripts/bench/steps.py --out build/bench "$@"
