#pragma once

#include <ATen/Context.h>

namespace aero::testing_support {

/// oneDNN off while it lives: the kernel then has no products in bfloat16, and others in float32.
class WithoutOneDnn {
 public:
  WithoutOneDnn() : enabled_(at::globalContext().userEnabledMkldnn()) {
    at::globalContext().setUserEnabledMkldnn(false);
  }
  ~WithoutOneDnn() { at::globalContext().setUserEnabledMkldnn(enabled_); }
  WithoutOneDnn(const WithoutOneDnn&) = delete;
  WithoutOneDnn& operator=(const WithoutOneDnn&) = delete;

 private:
  bool enabled_;
};

}  // namespace aero::testing_support
