#include "aero/ops/copy_rate.h"

#include <ATen/Context.h>

#include <algorithm>
#include <chrono>

namespace aero::ops {

double copy_rate(torch::Device device, std::int64_t bytes, double seconds) {
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;
  const torch::NoGradGuard no_grad;
  // Copies the generator, so that measuring does not change random numbers elsewhere.
  const auto generator = at::globalContext().defaultGenerator(device).clone();
  const auto options = torch::device(device).dtype(torch::kFloat32);
  const auto from = torch::rand({bytes / 4}, generator, options);
  auto to = torch::empty_like(from);
  const auto once = [&] {
    const auto start = Clock::now();
    to.copy_(from);
    to[0].item<float>();  // waits for a device that works asynchronously
    return Seconds(Clock::now() - start).count();
  };
  once();  // touches the memory
  double best = once();
  for (const auto begin = Clock::now(); Seconds(Clock::now() - begin).count() < seconds;) {
    best = std::min(best, once());
  }
  return 2 * static_cast<double>(from.nbytes()) / best;
}

}  // namespace aero::ops
