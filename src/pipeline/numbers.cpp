#include "numbers.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace aero::pipeline {
namespace {

template <class... Values>
std::string format(const char* pattern, Values... values) {
  std::array<char, 400> text{};  // "%.2f" of the largest double takes 313
  std::snprintf(text.data(), text.size(), pattern, values...);
  return text.data();
}

}  // namespace

std::string fixed(double value, int digits) {
  return format("%.*f", digits, value);
}

std::string shortest(double value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end};
}

std::string perplexity_text(double value) {
  constexpr double large = 1e6;
  return format(std::abs(value) < large ? "%.2f" : "%.3g", value);
}

std::string percent_change(double percent) {
  return format("%+.2f%%", percent);
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (whole < 60) return format("%lld s", whole);
  if (whole < 3600) return format("%lld min %02lld s", whole / 60, whole % 60);
  return format("%lld h %02lld min", whole / 3600, whole / 60 % 60);
}

std::string describe(const Nonfinite& event) {
  std::string text = "step " + std::to_string(event.step);
  if (!event.layer.empty()) text += ", " + event.layer;
  return text + ", " + event.quantity;
}

}  // namespace aero::pipeline
