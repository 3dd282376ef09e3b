#include "aero/jobs/progress.h"

#include "aero/core/log.h"

namespace aero::jobs {

ExitCode exit_code_of(train::Outcome signal) {
  if (signal == train::Outcome::hangup) return ExitCode::hangup;
  return signal == train::Outcome::interrupted ? ExitCode::interrupted : ExitCode::terminated;
}

std::string start_text(const RunState& before) {
  const auto steps = std::to_string(before.steps);
  if (!before.saved_step) {
    return before.steps == 0 ? "starts"
                             : "starts anew: it had come to step " + steps + " and saved none";
  }
  const auto text = "goes on from step " + std::to_string(*before.saved_step);
  if (!before.lost.empty()) return text + ": its last state is not whole: " + before.lost;
  return before.steps > *before.saved_step ? text + ", the last saved; it had come to step " + steps
                                           : text;
}

void tell_end(const JobResult& result, const std::string& text,
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
    for (const auto& fault : write_tables()) log::warn(fault + "; it is tried again later");
  } catch (const std::exception& error) {
    log::warn(std::string("the tables could not be made: ") + error.what());
  }
}

}  // namespace aero::jobs
