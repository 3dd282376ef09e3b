#include "text_width.h"

#include "aero/core/display_width.h"

#include <algorithm>

namespace aero::report {

std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(display_width(text));
}

std::string padded(const std::string& text, std::size_t width, Align align) {
  const std::string space(width - std::min(width, width_of(text)), ' ');
  return align == Align::left ? text + space : space + text;
}

std::string rule(std::size_t width, Align align) {
  return align == Align::left ? std::string(width, '-') : std::string(width - 1, '-') + ":";
}

}  // namespace aero::report
