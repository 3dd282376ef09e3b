#pragma once

#include "aero/config/run_config.h"
#include "aero/train/callback.h"

namespace aero::train {

/// Trains as `config` says, in config.run.folder, with evaluation, checkpoints, metrics, console
/// and guards: what `aero train` does. With `resume` it goes on from the latest checkpoint, if
/// there is one. Throws UsageError, before anything is written, for data or settings that cannot be
/// trained, for a folder in which another process trains, that already holds a run (without
/// `resume`) or a run that cannot go on so (with it, check_resume).
Outcome run_session(const RunConfig& config, bool resume);

}  // namespace aero::train
