#include "aero/train/signal_watch.h"

#include "aero/core/log.h"
#include "aero/train/trainer.h"

#include <ctime>
#include <string>

namespace aero::train {
namespace {

/// A signal that is held back would arrive also where it is ignored.
bool is_ignored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

Outcome outcome_of(int signal) {
  switch (signal) {
    case SIGINT:
      return Outcome::interrupted;
    case SIGHUP:
      return Outcome::hangup;
    default:
      return Outcome::terminated;
  }
}

std::string signal_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::interrupted:
      return "SIGINT";
    case Outcome::hangup:
      return "SIGHUP";
    default:
      return "SIGTERM";
  }
}

sigset_t set_of(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  return set;
}

/// The next of the signals that has come, or nothing.
std::optional<int> take_one(const sigset_t& signals) {
  const timespec at_once{};
  const int signal = sigtimedwait(&signals, nullptr, &at_once);
  return signal > 0 ? std::optional(signal) : std::nullopt;
}

/// Puts a thread's mask back on the way out.
class MaskGuard {
 public:
  MaskGuard(int how, const sigset_t& signals) { pthread_sigmask(how, &signals, &previous_); }
  ~MaskGuard() { pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }
  MaskGuard(const MaskGuard&) = delete;
  MaskGuard& operator=(const MaskGuard&) = delete;

 private:
  sigset_t previous_;
};

}  // namespace

SignalWatch::SignalWatch() {
  sigemptyset(&watched_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    if (!is_ignored(signal)) sigaddset(&watched_, signal);
  }
  pthread_sigmask(SIG_BLOCK, &watched_, &previous_);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &previous_pipe_);
}

SignalWatch::~SignalWatch() {
  sigaction(SIGPIPE, &previous_pipe_, nullptr);
  while (received_ && take_one(watched_)) continue;  // what came after the first is answered by it
  pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
}

std::optional<Outcome> SignalWatch::pending() {
  if (received_) return received_;
  const auto signal = take_one(watched_);
  if (!signal) return std::nullopt;
  received_ = outcome_of(*signal);
  const sigset_t interrupt = set_of(SIGINT);
  while (take_one(interrupt)) continue;  // one that came with the first is not a second one
  if (sigismember(&watched_, SIGINT) == 1 && sigismember(&previous_, SIGINT) == 0) {
    pthread_sigmask(SIG_UNBLOCK, &interrupt, nullptr);
  }
  return received_;
}

void SignalWatch::let_through(const std::function<void()>& work) const {
  const MaskGuard guard(SIG_UNBLOCK, watched_);
  work();
}

void StopOnSignal::on_start(Trainer& trainer) {
  stop_when_pending(trainer);
}

void StopOnSignal::on_step(Trainer& trainer, const StepRecord& /*record*/) {
  stop_when_pending(trainer);
}

void StopOnSignal::stop_when_pending(Trainer& trainer) {
  const auto outcome = watch_.pending();
  if (!outcome) return;
  log::warn(signal_name(*outcome) + ": saving and stopping");
  trainer.stop(*outcome);
}

}  // namespace aero::train
