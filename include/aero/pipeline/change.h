#pragma once

#include <string>

namespace aero::pipeline {

/// One key that a sweep sets.
struct Change {
  std::string key;    ///< "model.norm"
  std::string value;  ///< as an override writes it: none
  std::string json;   ///< as JSON writes it: "none", with its quotes

  bool operator==(const Change&) const = default;
};

}  // namespace aero::pipeline
