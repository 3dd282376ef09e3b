"""Says in a few words what became of a member."""

from __future__ import annotations

from aero.results.sweep import Member

NOT_RUN = "not run"


def _divergence(member: Member) -> str:
    runs = [run for run in member.runs if run.state == "nonfinite"]
    events = [run.nonfinite for run in runs if run.nonfinite is not None]
    text = "NaN" if len(member.runs) == 1 else f"NaN in {len(runs)} of {len(member.runs)} seeds"
    if not events:
        return text
    first = min(events, key=lambda event: event.step)
    layer = "" if first.layer is None else f", layer {first.layer}"
    return f"{text} (step {first.step:,}{layer})"


def outcome(member: Member | None) -> str:
    """Returns perplexity with its spread, and what became of the seeds without one."""
    if member is None:
        return NOT_RUN
    parts = []
    if member.perplexity is not None:
        spread = "" if member.deviation is None else f" ± {member.deviation:.3f}"
        parts.append(f"{member.perplexity:.3f}{spread} (n = {member.seeds})")
    if any(run.state == "nonfinite" for run in member.runs):
        parts.append(_divergence(member))
    unfinished = [run for run in member.runs if run.state == "unfinished"]
    if any(run.steps > 0 for run in unfinished) or (unfinished and parts):
        parts.append(f"{len(unfinished)} of {len(member.runs)} unfinished")
    return "; ".join(parts) or NOT_RUN
