#include "aero/config/model_config.h"

#include "aero/core/error.h"

#include <string>

namespace aero {

std::int64_t ModelConfig::rotary_dimensions() const {
  const auto dimensions =
      static_cast<std::int64_t>(static_cast<double>(d_head()) * rotary_fraction);
  if (dimensions < 2 || dimensions % 2 != 0) {
    throw UsageError("model.rotary_fraction: rotary embedding turns pairs of dimensions, but " +
                     std::to_string(dimensions) + " of a head's " + std::to_string(d_head()) +
                     " would be turned; choose rotary_fraction so that d_model / n_head * "
                     "rotary_fraction is an even number of at least 2");
  }
  return dimensions;
}

}  // namespace aero
