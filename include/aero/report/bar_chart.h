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

/// An SVG document: a horizontal bar each, on one scale of bytes, with a legend. Colours that are
/// told apart in grey print. Throws std::invalid_argument without a bar.
std::string bar_chart(const std::string& title, const std::vector<Bar>& bars);

}  // namespace aero::report
