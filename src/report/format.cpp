#include "aero/report/format.h"

#include "aero/core/text.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>

namespace aero::report {
namespace {

using Prefixes = std::array<std::string_view, 7>;

/// With two decimals a value of 999.999 would print as 1000.00, so it takes the next unit.
constexpr double rounding = 0.005;

std::string scaled(double value, double step, const Prefixes& prefixes, std::string_view unit) {
  std::size_t power = 0;
  while (value >= step - rounding && power + 1 < prefixes.size()) {
    value /= step;
    ++power;
  }
  return fmt::format("{:.{}f} {}{}", value, power == 0 ? 0 : 2, prefixes[power], unit);
}

}  // namespace

std::string with_thousands(std::int64_t number) {
  std::string text = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t i = text.size(); i > first + 3; i -= 3) text.insert(i - 3, ",");
  return text;
}

std::string flops_text(std::int64_t flops) {
  return scaled(static_cast<double>(flops), 1000, {"", "k", "M", "G", "T", "P", "E"}, "FLOPs");
}

std::string bytes_text(std::int64_t bytes) {
  return scaled(static_cast<double>(bytes), 1024, {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"}, "B");
}

std::string traffic_text(double bytes) {
  return scaled(bytes, 1000, {"", "k", "M", "G", "T", "P", "E"}, "B");
}

std::string latency_text(double seconds) {
  return seconds < 100 ? fmt::format("{:.2f} s", seconds) : fmt::format("{:.2f} min", seconds / 60);
}

std::string seconds_text(double seconds) {
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

}  // namespace aero::report
