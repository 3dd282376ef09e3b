#pragma once

#include "tests/support/device.h"

#include <ATen/autocast_mode.h>
#include <torch/types.h>

namespace aero::testing_support {

/// Autocast to `dtype` on the tests' device while it lives.
class Autocast {
 public:
  explicit Autocast(torch::ScalarType dtype)
      : device_(test_device().type()),
        enabled_(at::autocast::is_autocast_enabled(device_)),
        dtype_(at::autocast::get_autocast_dtype(device_)) {
    at::autocast::set_autocast_enabled(device_, true);
    at::autocast::set_autocast_dtype(device_, dtype);
  }
  ~Autocast() {
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(device_, enabled_);
    at::autocast::set_autocast_dtype(device_, dtype_);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  torch::DeviceType device_;
  bool enabled_;
  torch::ScalarType dtype_;
};

}  // namespace aero::testing_support
