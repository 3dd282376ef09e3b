#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#ifndef __CUDACC__
#include <tensor_core_emulation.h>  // of the test that compiles this for the CPU
#endif

// The operations of a warp's tensor cores in PTX (mma.m16n8k16, ldmatrix; from sm_80 on). With
// g = lane / 4 and t = lane % 4, a thread holds these parts of the matrices:
//   a [16 x 16]: rows g and g + 8 of columns 2t, 2t + 1, then of columns 2t + 8, 2t + 9
//   b [16 x 8]:  rows 2t, 2t + 1, then 2t + 8, 2t + 9, of column g
//   c [16 x 8]:  columns 2t, 2t + 1 of row g, then of row g + 8
// Each word has two 16-bit numbers.

namespace aero::ops::tensor_cores {

__device__ inline unsigned packed(__nv_bfloat16 low, __nv_bfloat16 high) {
  return __bfloat16_as_ushort(low) | static_cast<unsigned>(__bfloat16_as_ushort(high)) << 16U;
}
__device__ inline unsigned packed(__half low, __half high) {
  return __half_as_ushort(low) | static_cast<unsigned>(__half_as_ushort(high)) << 16U;
}

/// Computes c += a b, with numbers of type T.
template <class T>
__device__ void multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1);

/// Loads four 8 x 8 matrices from shared memory into one register each. Lanes 8 i to 8 i + 7 give
/// the addresses of the rows of matrix i. A thread gets columns 2t, 2t + 1 of row g; transposed,
/// rows 2t, 2t + 1 of column g.
__device__ void load_matrices(unsigned (&to)[4], const void* row);
__device__ void load_transposed(unsigned (&to)[4], const void* row);

#ifdef __CUDACC__

template <>
__device__ inline void multiply<__nv_bfloat16>(float (&c)[4], const unsigned (&a)[4], unsigned b0,
                                               unsigned b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

template <>
__device__ inline void multiply<__half>(float (&c)[4], const unsigned (&a)[4], unsigned b0,
                                        unsigned b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ inline void load_matrices(unsigned (&to)[4], const void* row) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(address)
               : "memory");
}

__device__ inline void load_transposed(unsigned (&to)[4], const void* row) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(address)
               : "memory");
}

#else

template <class T>
void multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  emulation::multiply<T>(c, a, b0, b1);
}

inline void load_matrices(unsigned (&to)[4], const void* row) {
  emulation::load_matrices(to, row, /*transposed=*/false);
}

inline void load_transposed(unsigned (&to)[4], const void* row) {
  emulation::load_matrices(to, row, /*transposed=*/true);
}

#endif

}  // namespace aero::ops::tensor_cores
