#pragma once

#include <cstdint>

// Attention of a single query, in float32.

namespace aero::ops {

/// The keys and values of a head: `length` rows of `width` numbers, float32 or bfloat16 by its bits.
template <class T>
struct HeadRows {
  const T* query;  // [width]
  const T* keys;
  std::int64_t key_stride;  // from a row to the next, in numbers
  const T* values;
  std::int64_t value_stride;
  std::int64_t length;  // at least 1
  std::int64_t width;
};

/// Writes softmax(scale q K^T) V, [width]. `scratch` has room for length + 2 width numbers.
void attend_query(const HeadRows<float>& head, float scale, float* scratch, float* out);
void attend_query(const HeadRows<std::uint16_t>& head, float scale, float* scratch,
                  std::uint16_t* out);

}  // namespace aero::ops
