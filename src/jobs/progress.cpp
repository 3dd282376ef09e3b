#include "aero/jobs/progress.h"

#include "aero/core/log.h"
#include "aero/core/text.h"

namespace aero::jobs {

ExitCode exit_code_of(train::Outcome signal) {
  if (signal == train::Outcome::hangup) return ExitCode::hangup;
  return signal == train::Outcome::interrupted ? ExitCode::interrupted : ExitCode::terminated;
}

std::string start_text(const RunState& before) {
  if (!before.saved_step) {
    return before.steps == 0
               ? "starts"
               : fmt::format("starts anew: it had come to step {} and saved none", before.steps);
  }
  const auto text = fmt::format("goes on from step {}", *before.saved_step);
  if (!before.lost.empty()) {
    return fmt::format("{}: its last state is not whole: {}", text, before.lost);
  }
  return before.steps > *before.saved_step
             ? fmt::format("{}, the last saved; it had come to step {}", text, before.steps)
             : text;
}

void log_end(const JobResult& result, const std::string& text,
             const std::function<std::vector<std::string>()>& write_tables) {
  if (result.end == JobEnd::failed) {
    log::error(text);
  } else if (result.end == JobEnd::finished) {
    log::info(text);
  } else {
    log::warn(text);
  }
  if (!result.trained) return;
  try {
    for (const auto& fault : write_tables()) log::warn(fault + "; AERO tries again later");
  } catch (const std::exception& error) {
    log::warn(fmt::format("the tables could not be made: {}", error.what()));
  }
}

}  // namespace aero::jobs
