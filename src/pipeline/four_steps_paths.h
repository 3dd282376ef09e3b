#pragma once

#include "aero/pipeline/four_steps_plan.h"

#include <string>
#include <vector>

namespace aero::pipeline {

/// What is wrong with any model that the decisions may lead to, each as "key: "candidate": ...", so
/// that none turns out to be faulty after days of training.
std::vector<std::string> path_faults(const FourSteps& plan);

}  // namespace aero::pipeline
