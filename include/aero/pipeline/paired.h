#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace aero::pipeline {

/// A number for each seed, such as a perplexity.
using BySeed = std::map<std::int64_t, double>;

/// How one model compares with another, as far as their seeds show.
enum class Order { lower, level, higher, unknown };

/// One model's number minus another's, over the seeds that both have. Runs with the same seed see
/// the same data in the same order, so their difference spreads less than either number does.
struct PairedDifference {
  std::size_t n = 0;             ///< seeds in common
  std::optional<double> mean;    ///< needs at least one seed
  std::optional<double> margin;  ///< needs at least two: mean +- margin is the 95% interval

  /// Returns level where 0 is within the interval, and unknown with fewer than two seeds in common.
  Order order() const;
};

/// Takes the interval of Student's t: t(n - 1) s / sqrt(n), s the sample standard deviation.
PairedDifference paired_difference(const BySeed& model, const BySeed& other);

/// Returns the number that |t| exceeds with a probability of 5%, for Student's t with at least one
/// degree of freedom: 12.71 for 1, 4.30 for 2, falling towards 1.96.
double t_of_95_percent(std::size_t degrees);

}  // namespace aero::pipeline
