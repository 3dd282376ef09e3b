#pragma once

#include "aero/core/error.h"

#include <cstdint>

namespace aero::cost {

/// A count of FLOPs, bytes or parameters. Its sums and products throw UsageError if 64 bits are too
/// few, so that an absurd size is refused instead of printed wrong.
class Count {
 public:
  constexpr Count(std::int64_t value) : value_(value) {}
  constexpr std::int64_t value() const { return value_; }

  Count& operator+=(Count other) {
    if (__builtin_add_overflow(value_, other.value_, &value_)) fail();
    return *this;
  }
  Count& operator*=(Count other) {
    if (__builtin_mul_overflow(value_, other.value_, &value_)) fail();
    return *this;
  }
  friend Count operator+(Count a, Count b) { return a += b; }
  friend Count operator*(Count a, Count b) { return a *= b; }

 private:
  [[noreturn]] static void fail() {
    throw UsageError(
        "model: too large for its costs to be counted in 64 bits; check model.n_layer, "
        "model.d_model, model.d_ffn, model.context, model.vocab_size and train.batch_size");
  }

  std::int64_t value_;
};

}  // namespace aero::cost
