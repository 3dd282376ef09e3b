#include "aero/ops/generator.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace aero::ops {
namespace {

std::vector<std::uint32_t> words(at::Generator generator, int count) {
  auto* const impl = at::check_generator<at::CPUGeneratorImpl>(generator);
  std::vector<std::uint32_t> result;
  for (int i = 0; i < count; ++i) result.push_back(impl->random());
  return result;
}

/// numpy.random.RandomState([low, high]).randint(0, 2**32, 6, dtype=numpy.uint32): NumPy starts
/// the same generator from a list by init_by_array.
TEST(Generator, TakesAllBitsOfASeedAsNumPyTakesTwoWords) {
  EXPECT_EQ(words(make_generator(4294967301ULL), 6),
            (std::vector<std::uint32_t>{675479763U, 2085189291U, 1213270837U, 3822202474U,
                                        2596110301U, 3587694693U}));
  EXPECT_EQ(words(make_generator(0xFFFFFFFFFFFFFFFFULL), 6),
            (std::vector<std::uint32_t>{93740670U, 1068495656U, 1452108352U, 2657516307U,
                                        910393425U, 1958779474U}));
  EXPECT_EQ(words(make_generator(0x0123456789ABCDEFULL), 6),
            (std::vector<std::uint32_t>{3851240871U, 1496727489U, 1688815724U, 1191980605U,
                                        3705741621U, 2192682533U}));
}

TEST(Generator, IsLibTorchsOwnBelow32Bits) {
  for (const std::uint64_t seed : {0ULL, 5ULL, 1337ULL, 0xFFFFFFFFULL}) {
    EXPECT_EQ(words(make_generator(seed), 700), words(at::detail::createCPUGenerator(seed), 700));
  }
}

TEST(Generator, NormalNumbersDifferAlsoWhereTheLowerHalvesAreEqual) {
  const auto normal = [](std::uint64_t seed) {
    return at::empty({5}).normal_(0, 1, make_generator(seed));
  };
  EXPECT_FALSE(normal(5).equal(normal(4294967301ULL)));
  EXPECT_FALSE(normal(4294967301ULL).equal(normal(8589934597ULL)));
  EXPECT_TRUE(normal(4294967301ULL).equal(normal(4294967301ULL)));
}

TEST(Generator, TheDefaultOneIsSeededAlike) {
  for (const std::uint64_t seed : {7ULL, 4294967303ULL}) {
    seed_default_generators(1);
    at::randn({1});  // draws a second number ahead
    seed_default_generators(seed);
    EXPECT_TRUE(at::randn({3}).equal(at::empty({3}).normal_(0, 1, make_generator(seed))));
  }
}

}  // namespace
}  // namespace aero::ops
