#pragma once

#include "aero/cost/memory.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace aero::report {

struct ActivationItem {
  std::string_view name;     ///< as in cost::Activations
  std::string_view meaning;  ///< a line for people
  std::int64_t bytes;
};

inline std::array<ActivationItem, 7> activation_items(const cost::Activations& a) {
  return {{{"embedding", "token ids, dropout mask", a.embedding},
           {"residual", "states of the residual stream", a.residual},
           {"norm", "statistics and outputs of norms", a.norm},
           {"attention", "q, k, v, their weighted sum, one number for each row", a.attention},
           {"ffn", "inner states, output before scaling", a.ffn},
           {"weight_copies", "matrices cast to train.dtype, or normalised", a.weight_copies},
           {"loss", "head and cross-entropy while they run", a.loss}}};
}

}  // namespace aero::report
