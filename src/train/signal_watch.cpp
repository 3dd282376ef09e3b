#include "aero/train/signal_watch.h"

#include "aero/core/log.h"
#include "aero/train/trainer.h"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <string>

namespace aero::train {
namespace {

/// The note that a signal handler leaves. It is global, because signals belong to the process.
struct Caught {
  std::atomic<int> first = 0;  // the signal; 0: none
  std::atomic<bool> is_reported = false;
};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);
Caught caught;

extern "C" void note_signal(int signal) {
  int none = 0;
  if (caught.first.compare_exchange_strong(none, signal)) return;
  if (signal != SIGINT || !caught.is_reported) return;
  std::signal(signal, SIG_DFL);
  ::raise(signal);  // ends the process when this handler returns
}

bool is_ignored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void note(int signal) {
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

/// Raises a signal again that came and was not reported, so that its former action runs.
void pass_on() {
  if (caught.is_reported) return;
  if (const int signal = caught.first.exchange(0)) ::raise(signal);
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

}  // namespace

SignalWatch::SignalWatch() {
  caught.first = 0;
  caught.is_reported = false;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    if (is_ignored(signal)) continue;
    sigaction(signal, nullptr, &previous_[signal]);
    note(signal);
  }
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &previous_pipe_);
}

SignalWatch::~SignalWatch() {
  sigaction(SIGPIPE, &previous_pipe_, nullptr);
  restore();
  pass_on();
}

void SignalWatch::restore() const {
  for (const auto& [signal, action] : previous_) sigaction(signal, &action, nullptr);
}

std::optional<Outcome> SignalWatch::pending() {
  if (received_) return received_;
  const int signal = caught.first;
  if (signal == 0) return std::nullopt;
  received_ = outcome_of(signal);
  caught.is_reported = true;
  return received_;
}

void SignalWatch::let_through(const std::function<void()>& work) const {
  struct Again {
    const Actions& actions;
    ~Again() {
      for (const auto& [signal, action] : actions) note(signal);
    }
  };
  const Again again{previous_};
  restore();
  pass_on();
  work();
}

std::optional<Outcome> SignalWatch::pending_on_any(const dist::Communicator& communicator,
                                                   torch::Device device) {
  const auto outcome = pending();
  if (communicator.is_alone()) return outcome;
  constexpr std::array outcomes{Outcome::interrupted, Outcome::terminated, Outcome::hangup};
  std::array<float, outcomes.size()> counts{};
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    counts.at(i) = outcome == outcomes.at(i) ? 1 : 0;
  const auto sums = torch::tensor(at::ArrayRef<float>(counts)).to(device);
  communicator.sum(sums);
  const auto here = sums.cpu();
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (here[static_cast<std::int64_t>(i)].item<float>() > 0) return outcomes.at(i);
  }
  return std::nullopt;
}

void StopOnSignal::on_start(Trainer& trainer) {
  stop_when_pending(trainer);
}

void StopOnSignal::on_step(Trainer& trainer, const StepRecord& /*record*/) {
  stop_when_pending(trainer);
}

void StopOnSignal::stop_when_pending(Trainer& trainer) {
  const auto outcome = watch_.pending_on_any(trainer.communicator(), trainer.decoder()->device());
  if (!outcome) return;
  log::warn(signal_name(*outcome) + ": saving and stopping");
  trainer.stop(*outcome);
}

}  // namespace aero::train
