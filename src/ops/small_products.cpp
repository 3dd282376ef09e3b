#include "small_products.h"

#include <ATen/Context.h>
#include <ATen/native/CPUBlas.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>

namespace aero::ops {
namespace {

namespace blas = at::native::cpublas;

// ATen generates code for each new shape. With steps of this size there are few shapes.
constexpr std::int64_t step = 128;

template <class T, class Brgemm>
void multiply_by_steps(const ProductShape& shape, const T* left, std::int64_t left_stride,
                       const T* right, std::int64_t right_stride, float* out,
                       std::int64_t out_stride, bool add, std::int64_t packed_rows, Brgemm brgemm) {
  for (std::int64_t n0 = 0; n0 < shape.n; n0 += step) {
    const auto n = std::min(step, shape.n - n0);
    for (std::int64_t k0 = 0; k0 < shape.k; k0 += step) {
      const auto k = std::min(step, shape.k - k0);
      brgemm(shape.m, n, k, left_stride, right_stride, out_stride, add || k0 > 0, left + k0,
             right + k0 * right_stride + n0 * packed_rows, out + n0);
    }
  }
}

const at::BFloat16* as_bfloat16(const std::uint16_t* bits) {
  return reinterpret_cast<const at::BFloat16*>(bits);
}

bool processor_has_bfloat16() {
#ifdef AERO_X86
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

bool library_has_bfloat16() {
  const std::array<at::BFloat16, 4> ones{1, 1, 1, 1};
  std::array<float, 4> out{};
  try {
    blas::brgemm(2, 2, 2, 2, 2, 2, false, ones.data(), ones.data(), out.data(), true);
    blas::brgemm_release(true);
  } catch (const c10::Error&) {
    return false;
  }
  return out[0] == 2 && out[3] == 2;
}

}  // namespace

void multiply(const ProductShape& shape, const float* left, std::int64_t left_stride,
              const float* right, std::int64_t right_stride, float* out, std::int64_t out_stride,
              bool add) {
  multiply_by_steps(shape, left, left_stride, right, right_stride, out, out_stride, add, 1,
                    [](auto m, auto n, auto k, auto ld_left, auto ld_right, auto ld_out,
                       bool add_out, const float* a, const float* b, float* c) {
                      blas::brgemm(m, n, k, ld_left, ld_right, ld_out, add_out, a, b, c, false);
                    });
}

void multiply(const ProductShape& shape, const std::uint16_t* left, std::int64_t left_stride,
              const std::uint16_t* right, std::int64_t right_stride, float* out,
              std::int64_t out_stride, bool add) {
  multiply_by_steps(shape, left, left_stride, right, right_stride, out, out_stride, add, 2,
                    [](auto m, auto n, auto k, auto ld_left, auto ld_right, auto ld_out,
                       bool add_out, const std::uint16_t* a, const std::uint16_t* b, float* c) {
                      blas::brgemm(m, n, k, ld_left, ld_right, ld_out, add_out, as_bfloat16(a),
                                   as_bfloat16(b), c, true);
                    });
}

bool has_bfloat16_products() {
  static const bool known = processor_has_bfloat16() && library_has_bfloat16();
  return known && at::globalContext().userEnabledMkldnn();
}

void release_products() {
  blas::brgemm_release(true);
}

}  // namespace aero::ops
