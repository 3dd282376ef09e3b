#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace aero {

// integer_from(), number_from(), parse_integer() and parse_number() read every number that a user
// writes, in configs, in --set and in the options of all commands. Numbers are decimal, also with
// zeros in front.

/// Reads an integer: "12", "-3"; also "1e6" and "5.0" below 2^53, where no digit can be lost.
/// Returns nothing for a fraction, for a number that does not fit into 64 bits, and for any other
/// text.
std::optional<std::int64_t> integer_from(std::string_view text);

/// Reads a finite number: "0.5", "-3", "1e-8". Returns nothing for "nan", "inf", a number that a
/// double cannot hold, and any other text.
std::optional<double> number_from(std::string_view text);

/// The accepted interval of a number, both ends included.
struct IntegerRange {
  std::int64_t low = std::numeric_limits<std::int64_t>::min();
  std::int64_t high = std::numeric_limits<std::int64_t>::max();
};
struct NumberRange {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;  ///< low itself is refused
};

/// Parse a number. Throw UsageError, which names what was read, if the text is not a number in the
/// range: "--seed: -1: must be at least 0".
std::int64_t parse_integer(const std::string& name, std::string_view text, IntegerRange range);
double parse_number(const std::string& name, std::string_view text, NumberRange range);

/// Returns the product of counts that are not negative, or nothing if it does not fit into 63 bits.
std::optional<std::int64_t> product(std::initializer_list<std::int64_t> counts);

/// Shortens what a user wrote for a message: cuts it after `longest` bytes, between two characters.
std::string shortened(std::string_view text, std::size_t longest = 40);

}  // namespace aero
