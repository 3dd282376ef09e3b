#pragma once

#include "aero/train/callback.h"

#include <csignal>
#include <optional>

namespace aero::train {

/// Holds back SIGINT and SIGTERM while it lives, so that a step or a save is never cut in two;
/// pending() tells of the first that came. After it the signals act as usual: a second Ctrl-C ends
/// the process. Make it before the first tensor operation, so that LibTorch's threads hold them
/// back too.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// Outcome::interrupted after SIGINT, Outcome::terminated after SIGTERM.
  std::optional<Outcome> pending();

 private:
  sigset_t watched_;
  sigset_t previous_;
  std::optional<Outcome> received_;
};

/// Ends the run after the step in which a signal came.
class StopOnSignal : public Callback {
 public:
  explicit StopOnSignal(SignalWatch& watch) : watch_(watch) {}
  void on_start(Trainer& trainer) override;
  void on_step(Trainer& trainer, const StepRecord& record) override;

 private:
  void stop_when_pending(Trainer& trainer);

  SignalWatch& watch_;
};

}  // namespace aero::train
