#include "aero/config/model_config.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

#include <algorithm>
#include <string>

namespace aero {

bool ModelConfig::has_ffn(std::int64_t layer) const {
  return layer < n_layer - ffn_pruned &&
         std::ranges::find(ffn_pruned_layers, layer) == ffn_pruned_layers.end();
}

std::int64_t ModelConfig::ffn_count() const {
  return n_layer - ffn_pruned - static_cast<std::int64_t>(ffn_pruned_layers.size());
}

std::int64_t ModelConfig::rotary_dimensions() const {
  const auto dimensions =
      static_cast<std::int64_t>(static_cast<double>(d_head()) * rotary_fraction);
  if (dimensions < 2 || dimensions % 2 != 0) {
    throw UsageError(fmt::format(
        "model.rotary_fraction: rotary embedding turns pairs of dimensions, but it would "
        "turn {} of a head's {}; choose rotary_fraction so that d_model / n_head * "
        "rotary_fraction is an even number of at least 2",
        dimensions, d_head()));
  }
  return dimensions;
}

}  // namespace aero
