#pragma once

#include "aero/config/run_config.h"

#include <string>
#include <vector>

namespace aero {

/// Something that keeps a config from being built.
struct Finding {
  std::vector<std::string> keys;  ///< whose values do not go together, the one to report first
  std::string value;              ///< of the first key
  std::string message;
};

/// Impossible combinations of a model's values, each of them in its range.
std::vector<Finding> check_combinations(const ModelConfig& model);

/// The same of a run, its model included.
std::vector<Finding> check_combinations(const RunConfig& config);

/// Values out of range and impossible combinations, each as "path: value: what is wrong and what to
/// do"; empty when the config can be built. load_config() has them among its faults.
std::vector<std::string> find_faults(const RunConfig& config);

}  // namespace aero
