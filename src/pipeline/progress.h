#pragma once

#include "aero/pipeline/job_runner.h"

#include <functional>
#include <string>

namespace aero::pipeline {

/// Logs how a run ended, as loudly as it deserves; then, where it was trained, calls
/// `write_tables`, whose failure is a warning: the run is done, and the next table will have it.
void tell_end(const JobResult& result, const std::string& text,
              const std::function<void()>& write_tables);

}  // namespace aero::pipeline
