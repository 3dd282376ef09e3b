#include "aero/core/numbers.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace aero {
namespace {

/// From 2^53 on a double no longer tells neighbouring integers apart.
constexpr double exact_limit = 9007199254740992.0;

template <class Number>
std::optional<Number> read(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Whether the text is an integer without point or exponent, like "-3". As a double, a long one
/// would become another number.
bool is_written_as_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string range_text(IntegerRange range) {
  using Limits = std::numeric_limits<std::int64_t>;
  if (range.high == Limits::max()) return fmt::format("be at least {}", range.low);
  if (range.low == Limits::min()) return fmt::format("be at most {}", range.high);
  return fmt::format("be from {} to {}", range.low, range.high);
}

std::string shortest(double value) {
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return std::string(buffer.data(), end);
}

std::string range_text(NumberRange range) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::string low = (range.low_open ? "above " : "at least ") + shortest(range.low);
  const std::string high = "at most " + shortest(range.high);
  if (range.low == -infinity) return range.high == infinity ? "be a finite number" : "be " + high;
  return "be " + low + (range.high == infinity ? "" : " and " + high);
}

[[noreturn]] void fail(const std::string& name, std::string_view text, const std::string& reason) {
  throw UsageError(
      fmt::format("{}: {}: {}", name, text.empty() ? "\"\"" : shortened(text), reason));
}

}  // namespace

std::optional<std::int64_t> integer_from(std::string_view text) {
  if (is_written_as_integer(text)) return read<std::int64_t>(text);
  const auto real = read<double>(text);
  if (!real || !(std::abs(*real) < exact_limit) || *real != std::floor(*real)) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(*real);
}

std::optional<double> number_from(std::string_view text) {
  const auto number = read<double>(text);
  if (!number || !std::isfinite(*number)) return std::nullopt;
  return number;
}

std::int64_t parse_integer(const std::string& name, std::string_view text, IntegerRange range) {
  const auto integer = integer_from(text);
  if (!integer && !is_written_as_integer(text)) fail(name, text, "expected an integer");
  if (!integer) fail(name, text, "does not fit into 64 bits");
  if (*integer < range.low || *integer > range.high) {
    fail(name, text, "must " + range_text(range));
  }
  return *integer;
}

double parse_number(const std::string& name, std::string_view text, NumberRange range) {
  const auto number = number_from(text);
  if (!number) fail(name, text, "expected a finite number");
  const bool above = range.low_open ? *number > range.low : *number >= range.low;
  if (!above || *number > range.high) fail(name, text, "must " + range_text(range));
  return *number;
}

std::optional<std::int64_t> product(std::initializer_list<std::int64_t> counts) {
  std::int64_t result = 1;
  bool overflows = false;
  for (const std::int64_t count : counts) {
    if (count == 0) return 0;
    overflows = __builtin_mul_overflow(result, count, &result) || overflows;
  }
  if (overflows) return std::nullopt;
  return result;
}

std::string shortened(std::string_view text, std::size_t longest) {
  if (text.size() <= longest) return std::string(text);
  std::size_t end = longest;
  const auto is_continuation = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;  // of a UTF-8 character
  };
  while (end > 0 && is_continuation(end)) --end;
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace aero
