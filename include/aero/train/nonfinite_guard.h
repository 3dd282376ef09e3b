#pragma once

#include "aero/train/callback.h"

namespace aero::train {

/// Checks the loss and the gradient norm before each update. Where one is not finite, finds the
/// layer and the parameter, reports the event, and stops the run, skips the update, or lets the run
/// go back to its last checkpoint (train.on_nonfinite, train.rewinds).
class NonfiniteGuard : public Callback {
 public:
  Verdict before_update(Trainer& trainer, const StepRecord& record) override;
  void on_rewind(Trainer& trainer, const Rewind& rewind) override;
};

/// Runs the trainer's last batch layer by layer and names what is not finite.
NonfiniteEvent locate_nonfinite(Trainer& trainer, const StepRecord& record);

}  // namespace aero::train
