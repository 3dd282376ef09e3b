#pragma once

#include "aero/report/private_inference.h"

#include <string>
#include <vector>

namespace aero::report {

/// One stacked bar.
struct Bar {
  std::string label;
  std::vector<Share> parts;
};

/// Draws an SVG document: one horizontal bar for each Bar, on one scale of bytes, with a legend.
/// Throws std::invalid_argument if there is no bar.
std::string bar_chart(const std::string& title, const std::vector<Bar>& bars);

}  // namespace aero::report
