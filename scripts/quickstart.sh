#!/usr/bin/env bash
# Trains a small GPT-2 on Python code from a fresh clone, then evaluates, samples and reports.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/quickstart.sh [--again]

Sets up what is missing, builds AERO, makes a corpus of the Python files on this machine, trains
configs/quickstart.json on it (at most 6 minutes on 2 cores that have bfloat16), evaluates, samples
and reports.
Run again, it skips what is finished and continues training where it stopped.

  --again   delete the trained model and train a new one

Environment: AERO_LIBTORCH=DIR as in scripts/setup.sh.
END
}

again=
case ${1:-} in
  '') ;;
  --again) again=1 ;;
  -h | --help) usage && exit 0 ;;
  *) usage >&2 && exit 2 ;;
esac

title() { printf '\n== %s\n' "$*"; }

cd "$(dirname "${BASH_SOURCE[0]}")/.."
config=configs/quickstart.json
corpus=build/quickstart/corpus
run=runs/quickstart
aero=build/release/bin/aero
python=build/venv/bin/python

title "set-up and build"
scripts/build.sh release aero

title "corpus: $corpus"
if [[ -f $corpus/manifest.json ]]; then
  echo "exists already"
else
  # The sources are the standard library, Debian's packages and those of the virtual environment.
  mapfile -t sources < <("$python" - <<'END'
import sysconfig
from pathlib import Path

paths = [sysconfig.get_path("stdlib"), "/usr/lib/python3/dist-packages", sysconfig.get_path("purelib")]
print(*dict.fromkeys(path for path in paths if Path(path).is_dir()), sep="\n")
END
  )
  "$python" scripts/prepare_corpus.py "${sources[@]}" --include '*.py' --out "$corpus" \
    --vocab-size 4096 --layout stream --max-bytes 24M --val-fraction 0.05
fi

title "training: $config"
if [[ -n $again ]]; then
  rm -rf "$run"
fi
settings=()
if ! grep -qwE 'avx512_bf16|amx_bf16' /proc/cpuinfo; then
  echo "this processor has no instructions for bfloat16: training in float32"
  settings=(--set train.dtype=float32)
fi
"$aero" train "$config" --resume "${settings[@]}"

title "held-out perplexity"
"$aero" eval "$run"

title "sample"
"$aero" generate "$run" --prompt 'def ' --seed 1

title "report"
"$aero" report "$run"

cat <<END

== next
The run is in $run: config.json, metrics.jsonl, log.txt, checkpoints.

another sample:
  $aero generate $run --prompt 'class '
a model of your own:
  $aero train $config --set run.folder=runs/wider --set model.d_model=256
a corpus of your own (docs/data.md):
  $python scripts/prepare_corpus.py FOLDER --out data/mine
the tests:
  scripts/test.sh

docs/config.md lists every key of a config.
END
