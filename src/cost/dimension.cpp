#include "dimension.h"

#include "aero/core/text.h"

#include <array>

namespace aero::cost {
namespace {

struct NamedUnit {
  std::string_view name;
  Unit unit;
};

constexpr Dimension bytes{1, 0};
constexpr Dimension seconds{0, 1};
// The first of two units that are equally near to a wrong word is suggested: kB for KB.
constexpr std::array<NamedUnit, 8> units{{{"kB", {1e3, bytes}},
                                          {"MB", {1e6, bytes}},
                                          {"GB", {1e9, bytes}},
                                          {"B", {1, bytes}},
                                          {"s", {1, seconds}},
                                          {"ms", {1e-3, seconds}},
                                          {"us", {1e-6, seconds}},
                                          {"1", {1, {}}}}};

std::optional<Unit> simple_unit(std::string_view text) {
  for (const auto& [name, unit] : units) {
    if (name == text) return unit;
  }
  return std::nullopt;
}

std::string power(const char* name, int exponent) {
  return exponent == 1 ? name : fmt::format("{}^{}", name, exponent);
}

}  // namespace

std::string dimension_text(const Dimension& dimension) {
  std::string above;
  std::string below;
  const auto add = [&](const char* name, int exponent) {
    std::string& side = exponent > 0 ? above : below;
    if (exponent == 0) return;
    if (!side.empty()) side += " ";
    side += power(name, exponent > 0 ? exponent : -exponent);
  };
  add("bytes", dimension.bytes);
  add("seconds", dimension.seconds);
  if (below.empty()) return above.empty() ? "a plain number" : above;
  return fmt::format("{} / {}", above.empty() ? "1" : above, below);
}

std::optional<Unit> parse_unit(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return simple_unit(text);
  const auto above = simple_unit(text.substr(0, slash));
  const auto below = simple_unit(text.substr(slash + 1));
  if (!above || !below) return std::nullopt;
  return Unit{above->factor / below->factor,
              {above->dimension.bytes - below->dimension.bytes,
               above->dimension.seconds - below->dimension.seconds}};
}

const std::vector<std::string>& unit_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const auto& [name, unit] : units) list.emplace_back(name);
    return list;
  }();
  return names;
}

}  // namespace aero::cost
