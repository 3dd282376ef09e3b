#!/usr/bin/env bash
# Measures the table of docs/benchmark.md on this machine, how a step grows, or what it consists of.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/bench/run.sh [OPTION...]
       scripts/bench/run.sh --growth [OPTION...]
       scripts/bench/run.sh --micro [OPTION...]

Builds AERO and measures training steps beside PyTorch, eager and compiled, and beside the authors'
way, in less than 30 minutes once built. Nothing else should run on the machine. The results are in
build/bench: benchmark.json and benchmark.md. Called again, it measures what is missing. Options are
those of scripts/bench/steps.py, such as --scenes.

Instead, it measures with
  --growth  tokens/s and memory of AERO's step against each of its sizes, in less than 15 minutes;
            the results are in build/bench: growth.json, growth.md and growth.svg. Options are those
            of scripts/bench/growth.py.
  --micro   single operations, an optimizer's step, the reading of tokens and the tokenizer; the
            results are in build/bench/micro.json, too. Options are those of Google Benchmark, such
            as --benchmark_filter=attention.
END
}

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
case ${1:-} in
  -h | --help) usage && exit 0 ;;
  --growth)
    scripts/build.sh release
    exec build/venv/bin/python scripts/bench/growth.py --out build/bench "${@:2}"
    ;;
  --micro)
    scripts/setup.sh --bench
    scripts/build.sh release aero_bench
    mkdir -p build/bench
    exec build/release/bin/aero_bench --benchmark_min_warmup_time=0.2 \
      --benchmark_out=build/bench/micro.json "${@:2}"
    ;;
esac
scripts/build.sh release
exec build/venv/bin/python scripts/bench/steps.py --out build/bench "$@"
