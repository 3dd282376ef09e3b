"""Tries what a device has to do right beyond the tests.

Each trial is a function of a lab that returns what it found, for a table. It raises TrialError
where something is wrong, and SkipTrial where it does not apply.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aero.check.lab import FULL, Lab, SkipTrial, apart, losses, metrics, require
from aero.check.memory import memory_in_use

# Settings of models by name. Together they cover all kinds of attention, norms and forms.
MODELS: dict[str, dict[str, object]] = {
    "SM+LN+G": {},
    "SM+LN+G of Pythia": {"model.family": "pythia"},
    "simplified": {"model.family": "simplified", "model.preset": "simplified-tiny"},
    "SM+RMS+LR": {"model.architecture": "SM+RMS+LR"},
    "SM+LNf+G": {"model.architecture": "SM+LNf+G"},
    "2Q+LN+Q": {"model.architecture": "2Q+LN+Q"},
    "RA+LN+G": {"model.architecture": "RA+LN+G"},
    "SM(h)+ScFuFFN": {"model.architecture": "SM(h)+ScFuFFN"},
    "SM+WNFFN": {"model.architecture": "SM+WNFFN"},
    "SM+SNFFN": {"model.architecture": "SM+SNFFN"},
    "EReg(SM(t)+ScFuFFN_i1)": {"model.architecture": "EReg(SM(t)+ScFuFFN_i1)"},
    "dropout": {"model.dropout.attention": 0.1, "model.dropout.residual": 0.1},
}
CPU = {"train.device": "cpu", "train.threads": 4}  # so small a model gains nothing from more
AT_ONCE = 4


def doctor(lab: Lab) -> str:
    """Checks that `aero doctor` finds the device."""
    ended = lab.run("doctor", [str(lab.aero), "doctor"])
    require(ended.status == 0, f"aero doctor ended with {ended.status}: {ended.last_line()}")
    if lab.on_gpu():
        require(re.search(r"^CUDA +[0-9]", ended.output, re.M) is not None, "aero doctor: no CUDA")
        require(not re.search(r"^GPU +fails", ended.output, re.M), ended.last_line())
    return "runs"


def beside_the_cpu(lab: Lab) -> str:
    """Compares whole runs in float32 and bfloat16 with the CPU's in float32."""
    cpu = lab.train("cpu", CPU)
    exact = apart(lab.train("float32"), cpu)
    rounded = apart(lab.train("bfloat16", {"train.dtype": "bfloat16"}), cpu)
    require(cpu[-1] < cpu[0], f"the CPU's loss does not fall: {cpu[0]} to {cpu[-1]}")
    require(exact < 1e-3, f"float32: losses differ by {exact:.1e}")
    require(rounded < 2e-2, f"bfloat16: losses differ by {rounded:.1e}")
    return f"losses differ by {exact:.0e} in float32, {rounded:.0e} in bfloat16"


def blocking_launches(lab: Lab) -> str:
    """Runs one kernel after the other, and compares the losses: a race would show."""
    if not lab.on_gpu():
        raise SkipTrial("only on a GPU")
    blocking = lab.train("blocking", {}, {"CUDA_LAUNCH_BLOCKING": "1"})
    difference = apart(blocking, lab.train("plain"))
    require(difference < 1e-4, f"losses differ by {difference:.1e}")
    return f"losses differ by {difference:.0e}"


def models(lab: Lab) -> str:
    """Compares a few steps of each model with the CPU's."""
    chosen = list(MODELS) if lab.size == FULL else ["SM+LN+G", "dropout"]

    def difference(name: str) -> float:
        few = {**MODELS[name], "train.duration": "5", "model.init": "width"}
        mine = lab.train(name, few)
        if name == "dropout":  # each device draws its own random numbers
            return 0
        return apart(mine, lab.train(f"{name} on the CPU", {**few, **CPU}))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(chosen, pool.map(difference, chosen), strict=True))
    for name, value in found.items():
        require(value < 5e-3, f"{name}: losses differ by {value:.1e}")
    return f"{len(found)} models, losses differ by {max(found.values()):.0e} at most"


def warm_start(lab: Lab) -> str:
    """Loads trained weights into spectral normalisation, whose vectors start fresh."""
    lab.train("trained", {"model.architecture": "SM"})
    normed = {"model.architecture": "SM+SNFFN", "train.warm_start": str(lab.folder("trained"))}
    difference = apart(lab.train("warm", normed), lab.train("warm-cpu", {**normed, **CPU}))
    require(difference < 5e-3, f"losses differ by {difference:.1e}")
    return f"losses differ by {difference:.0e}"


def overflow(lab: Lab) -> str:
    """Trains in float16 with gradients that overflow: those steps are skipped, the run goes on."""
    if not lab.on_gpu():
        raise SkipTrial("float16 is for GPUs")
    lab.train("overflow", {"train.dtype": "float16", "model.init_std": 1.0})
    skipped = sum(line.get("skipped", False) for line in metrics(lab.folder("overflow")))
    require(0 < skipped < lab.size.steps, f"{skipped} of {lab.size.steps} steps were skipped")
    return f"{skipped} of {lab.size.steps} steps skipped"


def same_bits(lab: Lab) -> str:
    """Checks that train.deterministic repeats a run exactly, also across a resume after SIGKILL."""
    trained: dict[str, dict[str, object]] = {
        "EReg": {"model.architecture": f"EReg(SM(t)+ScFuFFN_i{lab.size.n_layer // 2})"},
        "simplified": MODELS["simplified"],
    }
    for name, model in trained.items():
        settings = _exact(lab, model)
        whole = lab.train(f"{name} once", settings)
        require(lab.train(f"{name} twice", settings) == whole, f"{name}: two runs' losses differ")
        _killed_and_resumed(lab, f"{name} killed", settings, whole)
        weights = [_weights(lab.folder(f"{name} {run}")) for run in ("once", "twice", "killed")]
        require(
            weights[0] == weights[1] == weights[2],
            f"{name}: the losses are the same, the weights are not",
        )
    return f"the same bits twice, and after SIGKILL, of {len(trained)} models"


def cuda_graphs(lab: Lab) -> str:
    """Checks that train.cuda_graphs computes what steps without it compute, also across a resume
    after SIGKILL.
    """
    if not lab.on_gpu():
        raise SkipTrial("only on a GPU")
    more = {"train.accumulation": 2, "train.duration": str(4 * lab.size.steps)}  # time to kill one
    settings = _exact(lab, {**MODELS["dropout"], **more})
    graphs = {**settings, "train.cuda_graphs": True}
    whole = lab.train("steps", settings)
    require(lab.train("graphs", graphs) == whole, "the losses with graphs differ")
    _killed_and_resumed(lab, "killed graphs", graphs, whole)
    weights = [_weights(lab.folder(run)) for run in ("steps", "graphs", "killed graphs")]
    require(weights[0] == weights[1] == weights[2], "the losses are the same, the weights are not")
    return "the same bits as without, and after SIGKILL"


def _exact(lab: Lab, model: Mapping[str, object]) -> dict[str, object]:
    """Returns settings of a run that computes the same each time and saves checkpoints."""
    return {
        "train.deterministic": True,
        "train.dtype": "bfloat16",
        "checkpoint.every": str(max(1, lab.size.steps // 5)),
        **model,
    }


def _killed_and_resumed(
    lab: Lab, name: str, settings: dict[str, object], whole: list[float]
) -> None:
    """Kills a run in its middle, and checks that, resumed, it has the losses of the whole one."""
    run = lab.folder(name)
    command = [str(lab.aero), "train", str(lab.config(name, settings))]
    lab.run(name, command, watch=lambda _: len(losses(run)) > len(whole) // 2)
    require(len(losses(run)) < len(whole), f"{name}: the run was over before it was killed")
    ended = lab.run(f"{name}, resumed", [*command, "--resume"])
    require(
        ended.status == 0, f"{name}: the resumed run ended with {ended.status}: {ended.last_line()}"
    )
    require(losses(run) == whole, f"{name}: the resumed run's losses differ")


def _weights(run: Path) -> bytes:
    """Reads the weights of the last checkpoint. Raises TrialError where there is none."""
    found = sorted(run.glob("checkpoints/step-*/weights.safetensors"))
    require(bool(found), f"{run.name}: the run left no checkpoint with weights")
    return found[-1].read_bytes()


def no_such_device(lab: Lab) -> str:
    """Checks that a device that does not exist is refused before anything begins."""
    config = lab.config("nowhere", {"train.device": "cuda:99"})
    ended = lab.run("nowhere", [str(lab.aero), "train", str(config)])
    require(ended.status == 2, f"aero train ended with {ended.status}: {ended.last_line()}")
    require(
        "train.device" in ended.output,
        f"the message does not name train.device: {ended.last_line()}",
    )
    require(not lab.folder("nowhere").exists(), "it left a run folder behind")
    return ended.last_line()


def flat_memory(lab: Lab) -> str:
    """Checks that memory stays flat over steps with evaluations and entropies after the first."""
    steps = 4 * lab.size.steps
    often = str(max(1, steps // 10))
    settings = {
        "train.duration": str(steps),
        "model.architecture": "EReg(SM(t)+ScFuFFN_i1)",
        "eval.every": often,
        "entropy.every": often,
    }
    run = lab.folder("memory")
    seen: list[tuple[int, int]] = []

    def sample(process: int) -> bool:
        used = memory_in_use(lab.device, process)
        if used is not None:
            seen.append((len(losses(run)), used))
        return False

    command = [str(lab.aero), "train", str(lab.config("memory", settings))]
    ended = lab.run("memory", command, watch=sample)
    require(ended.status == 0, f"aero train ended with {ended.status}: {ended.last_line()}")
    half = [used for step, used in seen if steps // 4 <= step < steps // 2]
    rest = [used for step, used in seen if step >= steps // 2]
    if not half or not rest:
        raise SkipTrial("too short to sample its memory")
    growth = (max(rest) - max(half)) / 2**20
    require(growth <= 64, f"{growth:.0f} MiB more in the second half of {steps} steps")
    return f"{max(rest) / 2**20:.0f} MiB, {growth:+.0f} in the second half of {steps} steps"


def sanitized(lab: Lab) -> str:
    """Runs two steps under compute-sanitizer."""
    program = shutil.which("compute-sanitizer")
    if program is None or not lab.on_gpu():
        raise SkipTrial("no compute-sanitizer" if lab.on_gpu() else "only on a GPU")
    settings = {
        "train.duration": "2",
        "train.dtype": "bfloat16",
        "train.batch_size": 2,
        "model.n_layer": 1,
        "model.architecture": "EReg(SM(t)+ScFuFFN)",
    }
    config = lab.config("sanitized", settings)
    # It follows the program into aero-torch.
    command = [program, "--error-exitcode", "99", "--target-processes", "all"]
    command += [str(lab.aero), "train", str(config)]
    ended = lab.run("sanitized", command)
    summary: list[str] = re.findall(r"ERROR SUMMARY: .*", ended.output)
    require(ended.status == 0, f"ended with {ended.status}: {(summary or [ended.last_line()])[-1]}")
    require(bool(summary), "compute-sanitizer printed no ERROR SUMMARY")
    return summary[-1]


TRIALS: dict[str, Callable[[Lab], str]] = {
    "aero doctor": doctor,
    "a run beside the CPU's": beside_the_cpu,
    "CUDA_LAUNCH_BLOCKING": blocking_launches,
    "models beside the CPU's": models,
    "a warm start into spectral norm": warm_start,
    "float16 with overflows": overflow,
    "train.deterministic": same_bits,
    "train.cuda_graphs": cuda_graphs,
    "a device that is not there": no_such_device,
    "memory stays flat": flat_memory,
    "compute-sanitizer": sanitized,
}
