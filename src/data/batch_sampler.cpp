#include "aero/data/batch_sampler.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

namespace aero::data {
namespace {

constexpr std::uint64_t splitmix64(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

unsigned half_bits(std::uint64_t samples) {
  unsigned h = 1;
  while (2 * h < 64 && (std::uint64_t{1} << (2 * h)) < samples) ++h;
  return h;
}

std::uint64_t feistel(std::uint64_t x, std::uint64_t key, unsigned h) {
  const std::uint64_t mask = (std::uint64_t{1} << h) - 1;
  std::uint64_t left = x >> h;
  std::uint64_t right = x & mask;
  for (std::uint64_t round = 0; round < 6; ++round) {
    const std::uint64_t mixed = left ^ (splitmix64(key + round + (right << 8)) & mask);
    left = right;
    right = mixed;
  }
  return (left << h) | right;
}

}  // namespace

BatchSampler::BatchSampler(std::int64_t samples, std::uint64_t seed)
    : samples_(samples), seed_(seed), half_bits_(half_bits(static_cast<std::uint64_t>(samples))) {
  if (samples <= 0) {
    throw Error(
        "the corpus holds no sample: it is shorter than one context. Prepare more text "
        "(scripts/prepare_corpus.py) or lower model.context");
  }
}

std::int64_t BatchSampler::index(std::int64_t position) const {
  const auto epoch = static_cast<std::uint64_t>(position / samples_);
  const std::uint64_t key = splitmix64(splitmix64(seed_) ^ epoch);
  const auto limit = static_cast<std::uint64_t>(samples_);
  auto x = static_cast<std::uint64_t>(position % samples_);
  do {
    x = feistel(x, key, half_bits_);
  } while (x >= limit);
  return static_cast<std::int64_t>(x);
}

std::vector<std::int64_t> BatchSampler::indices(std::int64_t first_position,
                                                std::int64_t count) const {
  std::vector<std::int64_t> result;
  result.reserve(static_cast<std::size_t>(count));
  for (std::int64_t k = 0; k < count; ++k) result.push_back(index(first_position + k));
  return result;
}

BatchSampler::Positions BatchSampler::share(Positions all, std::int64_t rank, std::int64_t ranks) {
  if (ranks <= 0 || all.count < ranks) {
    throw UsageError(fmt::format(
        "train.batch_size: {}: gives {} ranks not one sequence each; choose a larger batch, or "
        "start fewer ranks",
        all.count, ranks));
  }
  const auto start = [&](std::int64_t r) { return all.count * r / ranks; };
  return {all.first + start(rank), start(rank + 1) - start(rank)};
}

}  // namespace aero::data
