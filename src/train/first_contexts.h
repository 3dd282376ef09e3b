#pragma once

#include "aero/core/error.h"
#include "aero/core/numbers.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace aero::train {

/// The contexts of so many batches, of `all` at most. Throws UsageError for more than can be
/// counted.
inline std::int64_t first_contexts(std::int64_t all, std::int64_t batches,
                                   std::int64_t batch_size) {
  const auto contexts = product({batches, batch_size});
  if (contexts) return std::min(all, *contexts);
  throw UsageError("batches x batch size: " + std::to_string(batches) + " x " +
                   std::to_string(batch_size) + ": more contexts than can be counted");
}

}  // namespace aero::train
