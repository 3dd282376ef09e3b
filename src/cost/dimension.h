#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aero::cost {

/// bytes^b seconds^s; {} is a plain number.
struct Dimension {
  int bytes = 0;
  int seconds = 0;

  bool operator==(const Dimension&) const = default;
};

/// Names a dimension: "bytes", "a plain number", "seconds / bytes".
std::string dimension_text(const Dimension& dimension);

struct Unit {
  double factor = 1;  ///< in bytes and seconds
  Dimension dimension;
};

/// Reads a unit: 1, B, kB, MB, GB (powers of 1000), s, ms, us, or one of these divided by another:
/// "s/GB". Returns nothing for other texts.
std::optional<Unit> parse_unit(std::string_view text);

const std::vector<std::string>& unit_names();

}  // namespace aero::cost
