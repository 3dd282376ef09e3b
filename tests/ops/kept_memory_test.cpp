#include "aero/ops/kept_memory.h"

#include <torch/torch.h>

#include <gtest/gtest.h>

#include <cstdlib>

namespace aero::ops {
namespace {

/// Ends the process with 0 where a large tensor's memory is taken again at once, with its old
/// contents, which fresh pages would not have.
[[noreturn]] void take_memory_again() {
  const auto before = torch::ones({100000});
  keep_tensor_memory();
  auto large = torch::full({1 << 22}, 3.0F);
  const auto small = torch::ones({16});
  const auto* const place = large.const_data_ptr<float>();
  large = torch::Tensor();
  const auto again = torch::empty({1 << 22});
  const bool is_kept = again.const_data_ptr<float>() == place && again.eq(3).all().item<bool>();
  const bool is_sound = before.sum().item<double>() == 100000 && small.sum().item<double>() == 16;
  std::_Exit(is_kept && is_sound ? 0 : 1);
}

TEST(KeptMemory, IsTakenAgainWithItsPages) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the address sanitizer's allocator stays";
#endif
  EXPECT_EXIT(take_memory_again(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace aero::ops
