#include "aero/pipeline/paired.h"

#include <cmath>
#include <numbers>
#include <stdexcept>
#include <vector>

namespace aero::pipeline {
namespace {

/// Computes the probability that |t| is at most tan(angle) sqrt(degrees), by Abramowitz and Stegun,
/// 26.7.3 and 26.7.4.
double probability_within(double angle, std::size_t degrees) {
  const bool is_odd = degrees % 2 == 1;
  const double square = std::cos(angle) * std::cos(angle);
  double term = is_odd ? std::cos(angle) : 1;
  double sum = degrees == 1 ? 0 : term;
  for (std::size_t i = is_odd ? 3 : 2; i < degrees; i += 2) {
    const auto k = static_cast<double>(i);
    term *= square * (k - 1) / k;
    sum += term;
  }
  const double part = std::sin(angle) * sum;
  return is_odd ? 2 / std::numbers::pi * (angle + part) : part;
}

}  // namespace

double t_of_95_percent(std::size_t degrees) {
  if (degrees < 1) throw std::invalid_argument("Student's t without a degree of freedom");
  constexpr double confidence = 0.95;
  constexpr int halvings = 60;
  double low = 0;
  double high = std::numbers::pi / 2;
  for (int i = 0; i < halvings; ++i) {
    const double middle = (low + high) / 2;
    (probability_within(middle, degrees) < confidence ? low : high) = middle;
  }
  return std::tan(low) * std::sqrt(static_cast<double>(degrees));
}

Order PairedDifference::order() const {
  if (!margin) return Order::unknown;
  if (std::abs(*mean) <= *margin) return Order::level;
  return *mean < 0 ? Order::lower : Order::higher;
}

PairedDifference paired_difference(const BySeed& model, const BySeed& other) {
  std::vector<double> differences;
  for (const auto& [seed, value] : model) {
    const auto found = other.find(seed);
    if (found != other.end()) differences.push_back(value - found->second);
  }
  PairedDifference result;
  result.n = differences.size();
  if (result.n == 0) return result;
  const auto n = static_cast<double>(result.n);
  double mean = 0;
  for (const double difference : differences) mean += difference / n;
  result.mean = mean;
  if (result.n < 2) return result;
  double squares = 0;
  for (const double difference : differences) {
    squares += (difference - mean) * (difference - mean);
  }
  result.margin = t_of_95_percent(result.n - 1) * std::sqrt(squares / (n - 1) / n);
  return result;
}

}  // namespace aero::pipeline
