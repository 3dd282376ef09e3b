#pragma once

#include "aero/pipeline/four_steps_plan.h"

#include <functional>
#include <string>
#include <vector>

namespace aero::pipeline {

/// Lists the faults of all models that the decisions may lead to, each as "key: "candidate": ...",
/// so that none shows up after days of training. `more_faults` names one more fault of a model, or
/// returns an empty text.
std::vector<std::string> path_faults(
    const FourSteps& plan, const std::function<std::string(const RunConfig&)>& more_faults = {});

}  // namespace aero::pipeline
