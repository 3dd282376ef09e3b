#pragma once

#include "aero/train/callback.h"

#include <csignal>
#include <functional>
#include <map>
#include <optional>

namespace aero::train {

/// Catches SIGINT, SIGTERM and SIGHUP while it lives, in whatever thread they arrive, so that a
/// step or a save is never cut in two; pending() tells of the first that came. Once it is told, a
/// second Ctrl-C ends the process; SIGTERM and SIGHUP say nothing new, as a run of a sweep gets
/// them from its scheduler and from the sweep. One that is ignored, as SIGHUP under nohup, stays
/// ignored. SIGPIPE is ignored too: a run goes on when nobody reads its console any more. One at a
/// time in a process.
class SignalWatch {
 public:
  SignalWatch();
  /// A signal that came and was not told ends the process now.
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// Outcome::interrupted after SIGINT, terminated after SIGTERM, hangup after SIGHUP.
  std::optional<Outcome> pending();

  /// Runs work that leaves nothing to save: meanwhile a signal ends the process at once.
  void let_through(const std::function<void()>& work) const;

 private:
  using Actions = std::map<int, struct sigaction>;

  void restore() const;

  Actions previous_;  // of the signals that are caught
  struct sigaction previous_pipe_ {};
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
