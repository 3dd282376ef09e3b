#pragma once

#include <span>
#include <string_view>

namespace aero::cost {

/// A file of configs/cost as it was when the program was built.
struct EmbeddedFile {
  std::string_view name;  ///< without .json
  std::string_view text;
};

/// Return the files in the order of their names.
std::span<const EmbeddedFile> embedded_cost_models();
std::span<const EmbeddedFile> embedded_networks();

}  // namespace aero::cost
