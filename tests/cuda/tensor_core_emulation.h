#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

// What src/ops/tensor_cores.h asks of the tensor cores, number by number.

namespace emulation {

template <class T>
float number(unsigned word, unsigned which) {
  const auto bits = static_cast<std::uint16_t>(word >> 16U * which);
  if constexpr (std::is_same_v<T, __half>) {
    return __half(bits, __half::from_bits());
  } else {
    return __bfloat162float({bits});
  }
}

template <class T>
void multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  struct Words {
    unsigned a[4], b[2];
  };
  const unsigned lane = threadIdx.x % 32;
  const unsigned warp = threadIdx.x - lane;
  Block::share(Words{{a[0], a[1], a[2], a[3]}, {b0, b1}}, [&](auto of) {
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned row = lane / 4 + i / 2 * 8;
      const unsigned column = lane % 4 * 2 + i % 2;
      for (unsigned k = 0; k < 16; ++k) {
        const Words of_a = of(warp + row % 8 * 4 + k % 8 / 2);
        const Words of_b = of(warp + column * 4 + k % 8 / 2);
        c[i] += number<T>(of_a.a[row / 8 + k / 8 * 2], k % 2) * number<T>(of_b.b[k / 8], k % 2);
      }
    }
    return 0;
  });
}

inline void load_matrices(unsigned (&to)[4], const void* row, bool transposed) {
  const unsigned lane = threadIdx.x % 32;
  const unsigned warp = threadIdx.x - lane;
  Block::share(row, [&](auto of) {
    for (unsigned i = 0; i < 4; ++i) {
      const auto at = [&](unsigned r, unsigned column) -> unsigned {
        return static_cast<const std::uint16_t*>(of(warp + 8 * i + r))[column];
      };
      const unsigned g = lane / 4;
      const unsigned t = lane % 4 * 2;
      to[i] = transposed ? at(t, g) | at(t + 1, g) << 16U : at(g, t) | at(g, t + 1) << 16U;
    }
    return 0;
  });
}

}  // namespace emulation
