#pragma once

#include <string>

namespace aero::pipeline {

/// One key that a sweep sets.
struct Change {
  std::string key;    ///< "model.norm"
  std::string value;  ///< as written in an override: none
  std::string json;   ///< as written in JSON: "none", with the quotes

  bool operator==(const Change&) const = default;
};

}  // namespace aero::pipeline
