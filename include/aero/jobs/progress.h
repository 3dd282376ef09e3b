#pragma once

#include "aero/core/error.h"
#include "aero/jobs/job_runner.h"

#include <functional>
#include <string>
#include <vector>

namespace aero::jobs {

/// The exit code of a process that a signal has stopped.
ExitCode exit_code_of(train::Outcome signal);

/// "starts", "goes on from step 60, though it had come to step 80"
std::string start_text(const RunState& before);

/// Logs how a run ended, as an error, a warning or information. Where this call trained the run,
/// then calls `write_tables` and logs its faults as warnings: the run is done, and later tables
/// will show it.
void log_end(const JobResult& result, const std::string& text,
             const std::function<std::vector<std::string>()>& write_tables);

}  // namespace aero::jobs
