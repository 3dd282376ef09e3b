#pragma once

#include "aero/dist/communicator.h"
#include "aero/train/callback.h"

#include <csignal>
#include <functional>
#include <map>
#include <optional>

namespace aero::train {

/// Catches SIGINT, SIGTERM and SIGHUP in all threads while it lives, so that no signal interrupts a
/// step or a save. pending() reports the first signal. After that report, a second Ctrl-C ends the
/// process. A second SIGTERM or SIGHUP does nothing, because a run of a sweep may get one from its
/// scheduler and one from the sweep. A signal that was ignored before, as SIGHUP under nohup, stays
/// ignored. SIGPIPE is ignored, too, so that a run continues when the reader of its console has
/// gone. A process may have one watch at a time.
class SignalWatch {
 public:
  SignalWatch();
  /// Raises a signal again that came and was not reported, which ends the process.
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// Returns interrupted after SIGINT, terminated after SIGTERM, and hangup after SIGHUP.
  std::optional<Outcome> pending();
  /// Returns what pending() does on one of the ranks, the same on all. All ranks call it together,
  /// and their tensors are on `device`.
  std::optional<Outcome> pending_on_any(const dist::Communicator& communicator,
                                        torch::Device device);

  /// Runs work that leaves nothing to save. During it, a signal ends the process at once.
  void let_through(const std::function<void()>& work) const;

 private:
  using Actions = std::map<int, struct sigaction>;

  void restore() const;

  Actions previous_;  // former actions of the caught signals
  struct sigaction previous_pipe_ {};
  std::optional<Outcome> received_;
};

/// Ends the run after the step in which a signal came, to any of the ranks.
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
