#pragma once

#include <cstdint>

// Matrix products on one thread, small enough for its cache, by ATen's brgemm with float32 sums.

namespace aero::ops {

/// Computes out [m, n] = left [m, k] right [k, n], or out += with `add`. Left and out are
/// row-major; `pack` of packing.h lays out right (k even for bfloat16). Strides count elements.
struct ProductShape {
  std::int64_t m;
  std::int64_t n;
  std::int64_t k;
};
void multiply(const ProductShape& shape, const float* left, std::int64_t left_stride,
              const float* right, std::int64_t right_stride, float* out, std::int64_t out_stride,
              bool add);
void multiply(const ProductShape& shape, const std::uint16_t* left, std::int64_t left_stride,
              const std::uint16_t* right, std::int64_t right_stride, float* out,
              std::int64_t out_stride, bool add);

/// Whether this processor multiplies bfloat16 faster than float32, and this LibTorch makes use of
/// it.
bool has_bfloat16_products();

/// Releases what a thread has set up. Each thread calls it after its last product.
void release_products();

}  // namespace aero::ops
