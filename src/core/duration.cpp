#include "aero/core/duration.h"

#include "aero/core/error.h"
#include "aero/core/numbers.h"
#include "aero/core/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace aero {
namespace {

/// Above 2^53 a double no longer tells neighbouring integers apart.
constexpr double max_amount = 9007199254740992.0;

[[noreturn]] void fail(std::string_view text, const std::string& reason) {
  throw UsageError(fmt::format(
      "\"{}\": {}; write steps as \"1000\" or \"10k\", tokens as \"20Mt\", epochs as \"1.5e\" or a "
      "share as \"5%\"",
      shortened(text), reason));
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The length of "12" or "1.5" at the front; 0 where there is none.
std::size_t number_length(std::string_view text) {
  const auto digits_from = [&](std::size_t start) {
    std::size_t end = start;
    while (end < text.size() && is_digit(text[end])) ++end;
    return end;
  };
  const std::size_t whole = digits_from(0);
  if (whole == 0 || whole == text.size() || text[whole] != '.') return whole;
  const std::size_t fraction = digits_from(whole + 1);
  return fraction > whole + 1 ? fraction : whole;
}

/// Scales in decimal, since a multiplication would round: "2.3M" is exactly 2300000.
double decimal(std::string_view number, int exponent) {
  const std::string text = fmt::format("{}e{}", number, exponent);
  double value = HUGE_VAL;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<int> exponent_of(char prefix) {
  switch (prefix) {
    case 'k':
      return 3;
    case 'M':
      return 6;
    case 'G':
      return 9;
    default:
      return std::nullopt;
  }
}

/// The shortest decimal that reads back as `value`, without an exponent.
std::string shortest(double value) {
  std::array<char, 400> buffer{};
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  return std::string(buffer.data(), end);
}

std::string tokens_text(double amount) {
  for (const char prefix : {'G', 'M', 'k'}) {
    const double factor = std::pow(10.0, *exponent_of(prefix));
    if (amount > 0 && std::fmod(amount, factor) == 0)
      return fmt::format("{}{}t", shortest(amount / factor), prefix);
  }
  return shortest(amount) + "t";
}

}  // namespace

Duration parse_duration(std::string_view text) {
  if (text.starts_with('-')) fail(text, "a duration is not negative");
  const std::size_t length = number_length(text);
  if (length == 0) fail(text, "a duration begins with a number");

  std::string_view unit = text.substr(length);
  int exponent = 0;
  if (!unit.empty()) {
    if (const auto found = exponent_of(unit.front())) {
      exponent = *found;
      unit.remove_prefix(1);
    }
  }
  Duration duration{decimal(text.substr(0, length), exponent), DurationUnit::steps};
  if (unit == "t") {
    duration.unit = DurationUnit::tokens;
  } else if (unit == "e" && exponent == 0) {
    duration.unit = DurationUnit::epochs;
  } else if (unit == "%" && exponent == 0) {
    duration.unit = DurationUnit::percent;
  } else if (!unit.empty()) {
    fail(text, fmt::format("unknown unit \"{}\"", text.substr(length)));
  }

  const bool counted =
      duration.unit == DurationUnit::steps || duration.unit == DurationUnit::tokens;
  if (!(duration.amount <= max_amount)) fail(text, "too long");
  if (duration.unit == DurationUnit::percent && duration.amount > 100) fail(text, "more than 100%");
  if (counted && duration.amount != std::floor(duration.amount)) {
    fail(text, fmt::format("a fraction of a {}",
                           duration.unit == DurationUnit::steps ? "step" : "token"));
  }
  return duration;
}

std::string to_string(const Duration& duration) {
  switch (duration.unit) {
    case DurationUnit::steps:
      return shortest(duration.amount);
    case DurationUnit::tokens:
      return tokens_text(duration.amount);
    case DurationUnit::epochs:
      return shortest(duration.amount) + "e";
    case DurationUnit::percent:
      return shortest(duration.amount) + "%";
  }
  throw Error("a duration of an unknown unit");
}

std::int64_t to_steps(const Duration& duration, const RunLength& run) {
  if (duration.amount == 0) return 0;
  double steps = 0;
  switch (duration.unit) {
    case DurationUnit::steps:
      steps = duration.amount;
      break;
    case DurationUnit::tokens:
      steps = duration.amount / static_cast<double>(run.tokens_per_step);
      break;
    case DurationUnit::epochs:
      if (run.steps_per_epoch <= 0) {
        throw UsageError(fmt::format(
            "duration \"{}\": the length of an epoch is not known here; give steps (\"1000\") or "
            "tokens (\"20Mt\")",
            to_string(duration)));
      }
      steps = duration.amount * run.steps_per_epoch;
      break;
    case DurationUnit::percent:
      if (run.total_steps <= 0) {
        throw UsageError(fmt::format(
            "duration \"{}\": a share of a run whose length is not known here; give steps "
            "(\"1000\"), tokens (\"20Mt\") or epochs (\"1e\")",
            to_string(duration)));
      }
      steps = duration.amount * static_cast<double>(run.total_steps) / 100;
      break;
  }
  if (!(steps <= max_amount)) {
    throw UsageError(
        fmt::format("duration \"{}\": more steps than can be counted", to_string(duration)));
  }
  return std::max<std::int64_t>(1, std::llround(steps));
}

}  // namespace aero
