#pragma once

#include <cstdint>
#include <vector>

namespace aero::data {

/// A stateless shuffle: the seed alone decides which sample stands at which position of training.
///
/// Positions g = 0, 1, 2, … count the sequences seen since training began, whatever the batch size,
/// the accumulation or the number of ranks; so a run that resumes, or continues with another batch
/// split, neither repeats nor skips a sequence. With N samples, position g is place i = g mod N of
/// epoch e = floor(g / N), and its sample is P(seed, e, i), a permutation of [0, N) for each e:
///
///     splitmix64(x): x += 0x9E3779B97F4A7C15                    (all arithmetic modulo 2^64)
///                    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9
///                    x = (x ^ (x >> 27)) * 0x94D049BB133111EB
///                    return x ^ (x >> 31)
///     h    = the smallest integer >= 1 with 2^(2h) >= N;  mask = 2^h - 1
///     key  = splitmix64(splitmix64(seed) ^ e)
///     P(i): x = i
///           do    L = x >> h;  R = x & mask
///                 for r = 0 … 5:  (L, R) = (R, L ^ (splitmix64(key + r + (R << 8)) & mask))
///                 x = (L << h) | R
///           while x >= N
///
/// A balanced Feistel network of six rounds permutes [0, 2^(2h)) (Luby and Rackoff, 1988); walking
/// its cycle until it comes back below N permutes [0, N) (Black and Rogaway, 2002), in less than
/// four rounds of the network on average.
class BatchSampler {
 public:
  /// Throws Error if there are no samples.
  BatchSampler(std::int64_t samples, std::uint64_t seed);

  /// Returns the samples at positions [first_position, first_position + count).
  std::vector<std::int64_t> indices(std::int64_t first_position, std::int64_t count) const;

  /// Returns the sample at one position.
  std::int64_t index(std::int64_t position) const;

  std::int64_t samples() const { return samples_; }

  struct Positions {
    std::int64_t first = 0;
    std::int64_t count = 0;
  };

  /// Returns the part of `all` for one of `ranks`. The parts are contiguous and in order of rank, and
  /// their sizes differ by one at most. Throws UsageError if there are more ranks than sequences.
  static Positions share(Positions all, std::int64_t rank, std::int64_t ranks);

 private:
  std::int64_t samples_;
  std::uint64_t seed_;
  unsigned half_bits_;
};

}  // namespace aero::data
