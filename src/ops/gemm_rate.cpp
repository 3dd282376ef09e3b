#include "aero/ops/gemm_rate.h"

#include <ATen/Context.h>

#include <algorithm>
#include <chrono>

namespace aero::ops {
namespace {

using Clock = std::chrono::steady_clock;

double elapsed(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

/// A product that can be timed repeatedly.
class Product {
 public:
  Product(torch::ScalarType dtype, torch::Device device, std::int64_t n) : n_(n) {
    const auto options = torch::device(device).dtype(torch::kFloat32);
    // Copies the generator, so that measuring does not change random numbers elsewhere.
    const auto generator = at::globalContext().defaultGenerator(device).clone();
    // Takes random numbers: where few bits change, a GPU draws less power and runs faster.
    a_ = torch::randn({n, n}, generator, options).to(dtype);
    b_ = torch::randn({n, n}, generator, options).to(dtype);
    out_ = torch::empty({n, n}, a_.options());
    seconds();  // the first call sets up libraries
  }

  double operations() const {
    const auto size = static_cast<double>(n_);
    return 2 * size * size * size;
  }

  /// Times one product. Reading an element waits for a device that works asynchronously.
  double seconds() {
    const auto start = Clock::now();
    torch::mm_out(out_, a_, b_);
    out_[0][0].item<double>();
    return elapsed(start);
  }

 private:
  std::int64_t n_;
  torch::Tensor a_, b_, out_;
};

/// Returns the least time of the products that begin within `seconds`: other programs slow some
/// down.
double best_of(Product& product, double seconds) {
  const auto begin = Clock::now();
  double best = product.seconds();
  while (elapsed(begin) < seconds) best = std::min(best, product.seconds());
  return best;
}

}  // namespace

double gemm_rate(torch::ScalarType dtype, torch::Device device, std::int64_t n, double seconds) {
  const torch::NoGradGuard no_grad;
  // Without instructions for bfloat16 it is a thousand times slower, and a product takes minutes.
  if (n > 64) {
    Product probe(dtype, device, n / 8);
    const double best = best_of(probe, seconds / 10);
    if (best * 512 > 4 * seconds) return probe.operations() / best;
  }
  Product product(dtype, device, n);
  return product.operations() / best_of(product, seconds);
}

}  // namespace aero::ops
