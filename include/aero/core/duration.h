#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aero {

enum class DurationUnit { steps, tokens, epochs, percent };

/// A length of training: "1000" steps, "20Mt" tokens (k, M, G = 10^3, 10^6, 10^9), "1e" epochs, or,
/// where a share makes sense, "5%" of the run.
struct Duration {
  double amount = 0;
  DurationUnit unit = DurationUnit::steps;

  bool operator==(const Duration&) const = default;
};

/// What one run needs to turn durations into steps.
struct RunLength {
  std::int64_t tokens_per_step = 1;
  double steps_per_epoch = 0;    ///< 0 if the length of an epoch is unknown
  std::int64_t total_steps = 0;  ///< the whole that "%" refers to; 0 while unknown
};

/// Reads a duration. If the text is negative, does not begin with a number or has an unknown unit,
/// throws UsageError that shows the accepted forms.
Duration parse_duration(std::string_view text);
std::string to_string(const Duration& duration);

/// Converts a duration into optimizer steps, rounded to the nearest integer and at least 1 unless
/// the amount is 0. Throws UsageError if the unit needs the length of an epoch or of the run and
/// `run` does not have it.
std::int64_t to_steps(const Duration& duration, const RunLength& run);

}  // namespace aero
