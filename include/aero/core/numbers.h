#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace aero {

/// The one reading of numbers that a user writes, for config, --set and the options of all
/// commands: decimal, whatever zeros stand in front.

/// "12", "-3"; also "1e6" and "5.0", below 2^53, where no digit can be lost. Nothing for a
/// fraction, for what does not fit into 64 bits, and for all else.
std::optional<std::int64_t> integer_from(std::string_view text);

/// A finite number: "0.5", "-3", "1e-8". Nothing for "nan", "inf", what a double cannot hold, and
/// all else.
std::optional<double> number_from(std::string_view text);

/// What a number may be, both ends included.
struct IntegerRange {
  std::int64_t low = std::numeric_limits<std::int64_t>::min();
  std::int64_t high = std::numeric_limits<std::int64_t>::max();
};
struct NumberRange {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;  ///< low itself is refused
};

/// Throw UsageError that names what was read: "--seed: -1: must be at least 0".
std::int64_t parse_integer(const std::string& name, std::string_view text, IntegerRange range);
double parse_number(const std::string& name, std::string_view text, NumberRange range);

/// The product of counts that are not negative; nothing where it does not fit into 63 bits.
std::optional<std::int64_t> product(std::initializer_list<std::int64_t> counts);

/// What a user wrote as a message shows it: cut after `longest` bytes, between two characters.
std::string shortened(std::string_view text, std::size_t longest = 40);

}  // namespace aero
