#include "aero/train/console.h"

#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/report/format.h"
#include "aero/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace aero::train {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto redraw_interval = std::chrono::milliseconds(50);

std::string bar(std::int64_t done, std::int64_t all) {
  constexpr int width = 20;
  const auto filled = static_cast<int>(width * done / std::max<std::int64_t>(all, 1));
  std::string text = "[";
  for (int i = 0; i < width; ++i) text += i < filled ? '#' : '.';
  return text + "] ";
}

}  // namespace

void Console::on_start(Trainer& trainer) {
  first_step_ = trainer.step();
  log::info(format("training from step %lld to %lld, %lld tokens a step",
                   static_cast<long long>(trainer.step()),
                   static_cast<long long>(trainer.total_steps()),
                   static_cast<long long>(trainer.config().tokens_per_step())));
}

void Console::on_step(Trainer& trainer, const StepRecord& record) {
  seconds_ += record.seconds;
  constexpr double newest_share = 0.1;
  smooth_seconds_ = smooth_seconds_ == 0
                        ? record.seconds
                        : (1 - newest_share) * smooth_seconds_ + newest_share * record.seconds;
  const auto left = static_cast<double>(trainer.total_steps() - record.step);
  // Above 1 the peak is wrong: the machine was busy when it was measured.
  const double mfu = peak_flops_ > 0 ? flops_per_step_ / smooth_seconds_ / peak_flops_ : 0;
  const auto share = mfu > 0 && mfu <= 1 ? format("  MFU %.0f%%", 100 * mfu) : std::string();
  const auto line =
      format("step %lld/%lld  loss %.4f  lr %.3g  grad norm %.3g  %.0f tokens/s%s  ETA %s",
             static_cast<long long>(record.step), static_cast<long long>(trainer.total_steps()),
             record.loss, record.lr, record.grad_norm,
             static_cast<double>(record.tokens) / smooth_seconds_, share.c_str(),
             report::seconds_text(left * smooth_seconds_).c_str());
  const bool is_last = record.step == trainer.total_steps();
  if (const auto now = Clock::now(); now - drawn_ > redraw_interval || is_last) {
    log::status(bar(record.step, trainer.total_steps()) + line);
    drawn_ = now;
  }
  const auto every = trainer.to_steps(trainer.config().log.every);
  const bool is_due = every > 0 && record.step % every == 0;
  if (!is_due && !is_last) return;
  if (log::has_terminal()) {
    log::to_file(line);
  } else {
    log::info(line);
  }
}

void Console::on_evaluation(Trainer& trainer, const Evaluation& evaluation) {
  log::info(format("step %lld  evaluation loss %.4f  perplexity %.2f",
                   static_cast<long long>(trainer.step()), evaluation.loss,
                   evaluation.perplexity()));
}

void Console::on_finish(Trainer& trainer, Outcome /*outcome*/) {
  log::status("");
  const auto steps = trainer.step() - first_step_;
  if (steps == 0) return;
  log::info(format("%lld steps in %s, %.0f tokens/s", static_cast<long long>(steps),
                   report::seconds_text(seconds_).c_str(),
                   static_cast<double>(steps * trainer.config().tokens_per_step()) / seconds_));
}

}  // namespace aero::train
