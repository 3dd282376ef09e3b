#pragma once

#include "aero/core/error.h"
#include "aero/core/numbers.h"
#include "aero/core/text.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace aero::train {

/// Returns the number of contexts in `batches`, at most `all`. Throws UsageError where it does not
/// fit into 64 bits.
inline std::int64_t first_contexts(std::int64_t all, std::int64_t batches,
                                   std::int64_t batch_size) {
  const auto contexts = product({batches, batch_size});
  if (contexts) return std::min(all, *contexts);
  throw UsageError(fmt::format("batches x batch size: {} x {}: more contexts than can be counted",
                               batches, batch_size));
}

}  // namespace aero::train
