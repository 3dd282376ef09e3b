#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace aero::pipeline {

/// A figure of each seed.
using BySeed = std::map<std::int64_t, double>;

/// How two models stand to one another, as far as their seeds tell.
enum class Order { lower, level, higher, unknown };

/// One model's figure minus another's, over the seeds that both have. Runs of one seed see the same
/// data in the same order, so that their difference spreads less than either of them does.
struct PairedDifference {
  std::size_t n = 0;             ///< seeds in common
  std::optional<double> mean;    ///< of at least one
  std::optional<double> margin;  ///< of at least two: mean +- margin is the 95% interval

  /// level: 0 is within the interval. unknown: fewer than two seeds in common.
  Order order() const;
};

/// The interval is that of Student's t: t(n - 1) s / sqrt(n), s the sample standard deviation.
PairedDifference paired_difference(const BySeed& model, const BySeed& other);

/// The number that |t| exceeds with a probability of 5%, Student's t having so many degrees of
/// freedom, at least 1: 12.71 for 1, 4.30 for 2, towards 1.96.
double t_of_95_percent(std::size_t degrees);

}  // namespace aero::pipeline
