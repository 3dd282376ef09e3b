#pragma once

#include "aero/config/run_config.h"

#include <string>
#include <vector>

namespace aero {

/// Something that keeps a config from being built.
struct Finding {
  std::vector<std::string> keys;  ///< keys whose values conflict; the first is reported
  std::string value;              ///< the value of the first key
  std::string message;
};

/// Finds impossible combinations of a model's values, each of which is in its range.
std::vector<Finding> check_combinations(const ModelConfig& model);

/// Finds the same in a run, including its model.
std::vector<Finding> check_combinations(const RunConfig& config);

/// Finds values out of range and impossible combinations, each as "path: value: what is wrong and
/// what to do". Returns none if the config can be built. load_config() reports them among its
/// faults.
std::vector<std::string> find_faults(const RunConfig& config);

}  // namespace aero
