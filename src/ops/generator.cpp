#include "aero/ops/generator.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include <algorithm>
#include <array>
#include <limits>
#include <mutex>

namespace aero::ops {
namespace {

constexpr std::size_t words = at::MERSENNE_STATE_N;
using State = decltype(at::mt19937_data_pod::state_);

State init_genrand(std::uint32_t seed) {
  State state{};
  state[0] = seed;
  for (std::size_t i = 1; i < words; ++i) {
    state[i] = 1812433253U * (state[i - 1] ^ (state[i - 1] >> 30U)) + static_cast<std::uint32_t>(i);
  }
  return state;
}

/// Computes the authors' init_by_array for a key of two words.
State init_by_array(const std::array<std::uint32_t, 2>& key) {
  State state = init_genrand(19650218U);
  std::size_t i = 1;
  std::size_t j = 0;
  const auto next = [&] {
    if (++i < words) return;
    state[0] = state[words - 1];
    i = 1;
  };
  for (std::size_t k = 0; k < words; ++k) {
    state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30U)) * 1664525U)) + key[j] +
               static_cast<std::uint32_t>(j);
    next();
    j = 1 - j;
  }
  for (std::size_t k = 0; k < words - 1; ++k) {
    state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30U)) * 1566083941U)) -
               static_cast<std::uint32_t>(i);
    next();
  }
  state[0] = 0x80000000U;
  return state;
}

/// Seeds the generator, and drops a normal number that was drawn ahead, as LibTorch does.
void seed(at::CPUGeneratorImpl& generator, std::uint64_t seed) {
  generator.set_current_seed(seed);
  if (seed <= std::numeric_limits<std::uint32_t>::max()) return;
  auto engine = generator.engine();
  auto data = engine.data();
  data.state_ =
      init_by_array({static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U)});
  engine.set_data(data);
  generator.set_engine(engine);
}

}  // namespace

at::Generator make_generator(std::uint64_t value) {
  auto generator = at::detail::createCPUGenerator();
  seed(*at::check_generator<at::CPUGeneratorImpl>(generator), value);
  return generator;
}

void seed_default_generators(std::uint64_t value) {
  at::manual_seed(value);
  at::Generator generator =
      at::detail::getDefaultCPUGenerator();  // a handle to the default generator
  const std::scoped_lock lock(generator.mutex());
  seed(*at::check_generator<at::CPUGeneratorImpl>(generator), value);
}

}  // namespace aero::ops
