#include "src/ops/softmax_rows.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace aero::ops {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

std::vector<float> normal_logits(std::size_t count, float deviation) {
  std::mt19937 generator(7);
  std::normal_distribution<float> draw(0, deviation);
  std::vector<float> logits(count);
  for (auto& z : logits) z = draw(generator);
  return logits;
}

/// In float64, from the definition.
double reference_loss(const std::vector<float>& z, std::size_t target) {
  double sum = 0;
  for (const float x : z) sum += std::exp(static_cast<double>(x) - z[target]);
  return std::log(sum);
}

double reference_gradient(const std::vector<float>& z, std::size_t target, std::size_t i) {
  return std::exp(static_cast<double>(z[i]) - z[target] - reference_loss(z, target)) -
         (i == target ? 1 : 0);
}

TEST(CrossEntropyRow, IsTheDefinitionAtEveryLength) {
  for (const std::size_t count : {1, 2, 15, 16, 17, 97, 1024, 1040, 5003}) {
    const auto z = normal_logits(count, 4);
    for (const std::size_t target : {std::size_t{0}, count / 2, count - 1}) {
      auto row = z;
      std::vector<float> scratch(count);
      const double loss =
          cross_entropy_row(row.data(), static_cast<std::int64_t>(count),
                            static_cast<std::int64_t>(target), 2.0F, scratch.data());
      EXPECT_NEAR(loss, reference_loss(z, target), 1e-6 * (1 + loss)) << count;
      for (std::size_t i = 0; i < count; i += 1 + count / 50) {
        const double expected = 2 * reference_gradient(z, target, i);
        EXPECT_NEAR(row[i], expected, 3e-6 * std::abs(expected) + 3e-7) << count << " " << i;
      }
    }
  }
}

TEST(CrossEntropyRow, LeavesTheLogitsWhereNoGradientIsAskedFor) {
  const auto z = normal_logits(100, 2);
  auto row = z;
  std::vector<float> scratch(100);
  cross_entropy_row(row.data(), 100, 3, 0, scratch.data());
  EXPECT_EQ(row, z);
}

TEST(CrossEntropyRow, DoesNotOverflowForLargeLogitsNorCountVanishingOnes) {
  std::vector<float> z{3e30F, -3e30F, 3e30F, -infinity};
  std::vector<float> scratch(4);
  EXPECT_NEAR(cross_entropy_row(z.data(), 4, 0, 1, scratch.data()), std::log(2.0), 1e-7);
  EXPECT_EQ(z, (std::vector<float>{-0.5F, 0, 0.5F, 0}));
}

TEST(CrossEntropyRow, HandsANanOrAnInfinityOn) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), infinity}) {
    auto z = normal_logits(40, 1);
    z[20] = bad;
    std::vector<float> scratch(40);
    EXPECT_TRUE(std::isnan(cross_entropy_row(z.data(), 40, 3, 1, scratch.data())));
  }
}

TEST(CrossEntropyRow, InBfloat16RoundsTheFloat32GradientToNearest) {
  const auto z = normal_logits(333, 3);
  std::vector<std::uint16_t> bits;
  std::vector<float> rounded;
  for (const float x : z) {
    bits.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16U));
    rounded.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits.back()) << 16U));
  }
  std::vector<float> scratch(333);
  const double loss = cross_entropy_row(bits.data(), 333, 8, 1, scratch.data());
  EXPECT_NEAR(loss, reference_loss(rounded, 8), 1e-5);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const float actual = std::bit_cast<float>(static_cast<std::uint32_t>(bits[i]) << 16U);
    const double expected = reference_gradient(rounded, 8, i);
    EXPECT_NEAR(actual, expected, std::abs(expected) * 0x1.01p-8 + 1e-30) << i;
  }
}

}  // namespace
}  // namespace aero::ops
