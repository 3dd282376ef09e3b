#include "aero/train/console.h"

#include "aero/core/display_width.h"
#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/report/format.h"
#include "aero/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aero::train {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto redraw_interval = std::chrono::milliseconds(50);

constexpr std::string_view gap = "  ";

std::string bar(double share) {
  constexpr int width = 20;
  std::string text = "[";
  for (int i = 0; i < width; ++i) text += i < share * width ? '#' : '.';
  return text + "]";
}

/// A part of the progress line. Where there is no room, parts of lower rank are left out first.
struct Part {
  std::string text;
  int rank;
};

std::string joined(const std::vector<Part>& parts) {
  std::string line;
  for (const auto& part : parts) {
    if (!line.empty() && !part.text.empty()) line += line.back() == ']' ? " " : gap;
    line += part.text;
  }
  return line;
}

/// Joins the parts for which a line of `columns` has room.
std::string progress_line(std::vector<Part> parts, int columns) {
  while (parts.size() > 1 && display_width(joined(parts)) > columns) {
    parts.erase(std::ranges::min_element(parts, {}, &Part::rank));
  }
  return joined(parts);
}

}  // namespace

void Console::on_start(Trainer& trainer) {
  first_step_ = trainer.step();
  log::info(fmt::format("training from step {} to {}, {} tokens a step", trainer.step(),
                        trainer.total_steps(), trainer.config().tokens_per_step()));
}

void Console::on_step(Trainer& trainer, const StepRecord& record) {
  seconds_ += record.seconds;
  // The first step also sets up libraries, so its time says little about the next.
  constexpr double newest_share = 0.1;
  const bool is_early = ++seen_steps_ <= 2;
  smooth_seconds_ = is_early ? record.seconds
                             : (1 - newest_share) * smooth_seconds_ + newest_share * record.seconds;
  const auto left = static_cast<double>(trainer.total_steps() - record.step);
  // A share above 1 means that the peak was measured on a busy machine.
  const double mfu = peak_flops_ > 0 ? flops_per_step_ / smooth_seconds_ / peak_flops_ : 0;
  std::vector<Part> parts = {
      {fmt::format("step {}/{}", record.step, trainer.total_steps()), 7},
      {fmt::format("loss {:.4f}", record.loss), 6},
      {fmt::format("lr {:.3g}", record.lr), 2},
      {fmt::format("grad norm {:.3g}", record.grad_norm), 1},
      {fmt::format("{:.0f} tokens/s", static_cast<double>(record.tokens) / smooth_seconds_), 3}};
  if (mfu > 0 && mfu <= 1) parts.push_back({fmt::format("MFU {:.0f}%", 100 * mfu), 0});
  parts.push_back({"ETA " + report::seconds_text(left * smooth_seconds_), 5});
  const auto line = joined(parts);
  const bool is_last = record.step == trainer.total_steps();
  const auto now = Clock::now();
  if (log::has_terminal() && (now - drawn_ > redraw_interval || is_last)) {
    const auto done = static_cast<double>(record.step) / static_cast<double>(trainer.total_steps());
    parts.insert(parts.begin(), {bar(done), 4});
    log::status(progress_line(std::move(parts), log::status_columns()));
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
  const auto part = evaluation.is_of_a_part()
                        ? fmt::format("  (first {} contexts of the split)", evaluation.samples)
                        : std::string();
  log::info(fmt::format("step {}  evaluation loss {:.4f}  perplexity {:.2f}", trainer.step(),
                        evaluation.loss, evaluation.perplexity()) +
            part);
}

void Console::on_finish(Trainer& trainer, Outcome /*outcome*/) {
  log::status("");
  const auto steps = trainer.step() - first_step_;
  if (steps == 0) return;
  log::info(
      fmt::format("{} steps in {}, {:.0f} tokens/s", steps, report::seconds_text(seconds_),
                  static_cast<double>(steps * trainer.config().tokens_per_step()) / seconds_));
}

}  // namespace aero::train
