#pragma once

#include "aero/config/run_config.h"
#include "aero/dist/communicator.h"
#include "aero/train/trainer.h"

#include <functional>

namespace aero::train {

/// Joins the ranks that a launcher has started together with this process; alone without one. Their
/// log lines then begin with their rank, and the terminal shows warnings and errors alone of all but
/// rank 0. On GPUs, each process of a machine takes one: sets config.train.device.
dist::Communicator join_ranks(RunConfig& config);

/// Does this rank's work, and leaves the others when it is done. Says to them why it fails.
Outcome among_ranks(const dist::Communicator& communicator, const std::function<Outcome()>& work);

/// Throws UsageError, on all ranks, where they do not train the same: another config, corpus or
/// version, or only some of them resume.
void require_same_run(const Trainer& trainer, bool resume);

}  // namespace aero::train
