#include "numbers.h"

#include "aero/core/text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace aero::pipeline {

std::string shortest(double value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end};
}

std::string perplexity_text(const jobs::RunState& state) {
  const bool is_of_a_part =
      !state.evaluations.empty() && state.evaluations.back().is_of_a_part.value_or(false);
  return fmt::format("{}{}", perplexity_text(state.perplexity()),
                     is_of_a_part ? " (of a part of the split)" : "");
}

std::string perplexity_text(double value) {
  constexpr double large = 1e6;
  return std::abs(value) < large ? fmt::format("{:.2f}", value) : fmt::format("{:.3g}", value);
}

std::string percent_change(double percent) {
  return fmt::format("{:+.2f}%", percent);
}

std::string describe(const jobs::Nonfinite& event) {
  const auto layer = event.layer.empty() ? "" : ", " + event.layer;
  return fmt::format("step {}{}, {}", event.step, layer, event.quantity);
}

}  // namespace aero::pipeline
