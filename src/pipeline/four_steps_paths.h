#pragma once

#include "aero/pipeline/four_steps_plan.h"

#include <functional>
#include <string>
#include <vector>

namespace aero::pipeline {

/// What is wrong with any model that the decisions may lead to, each as "key: "candidate": ...", so
/// that none turns out to be faulty after days of training. `more_faults` says what else is wrong
/// with a model, empty where nothing is.
std::vector<std::string> path_faults(
    const FourSteps& plan, const std::function<std::string(const RunConfig&)>& more_faults = {});

}  // namespace aero::pipeline
