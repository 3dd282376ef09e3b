#include "aero/train/signal_watch.h"

#include "aero/core/log.h"
#include "aero/train/trainer.h"

#include <ctime>

namespace aero::train {

SignalWatch::SignalWatch() {
  sigemptyset(&watched_);
  sigaddset(&watched_, SIGINT);
  sigaddset(&watched_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &watched_, &previous_);
}

SignalWatch::~SignalWatch() {
  pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
}

std::optional<Outcome> SignalWatch::pending() {
  if (received_) return received_;
  const timespec at_once{};
  const int signal = sigtimedwait(&watched_, nullptr, &at_once);
  if (signal <= 0) return std::nullopt;
  received_ = signal == SIGINT ? Outcome::interrupted : Outcome::terminated;
  pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
  return received_;
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
  log::warn(*outcome == Outcome::interrupted ? "SIGINT: saving and stopping"
                                             : "SIGTERM: saving and stopping");
  trainer.stop(*outcome);
}

}  // namespace aero::train
