#pragma once

#include "aero/config/run_config.h"
#include "aero/train/callback.h"

namespace aero::train {

/// Does the work of `aero train`: trains in config.run.folder, with evaluation, checkpoints,
/// metrics, console and guards. With `resume`, continues from the latest checkpoint where there is
/// one. Throws UsageError, before it writes anything, where data or settings cannot be trained,
/// where another process trains in the folder, where the folder already holds a run (without
/// `resume`), and where its run cannot continue with this config (with `resume`, see
/// check_resume()).
Outcome run_session(const RunConfig& config, bool resume);

}  // namespace aero::train
