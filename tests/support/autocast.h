#pragma once

#include <ATen/autocast_mode.h>
#include <torch/types.h>

namespace aero::testing_support {

/// Autocast to `dtype` on the CPU while it lives.
class Autocast {
 public:
  explicit Autocast(torch::ScalarType dtype)
      : enabled_(at::autocast::is_autocast_enabled(torch::kCPU)),
        dtype_(at::autocast::get_autocast_dtype(torch::kCPU)) {
    at::autocast::set_autocast_enabled(torch::kCPU, true);
    at::autocast::set_autocast_dtype(torch::kCPU, dtype);
  }
  ~Autocast() {
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(torch::kCPU, enabled_);
    at::autocast::set_autocast_dtype(torch::kCPU, dtype_);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  bool enabled_;
  torch::ScalarType dtype_;
};

}  // namespace aero::testing_support
