#pragma once

#include "aero/config/model_config.h"

namespace aero::exchange {

/// Throws UsageError that names the key of the config for which transformers' GPT-2 or GPT-NeoX has
/// no counterpart.
void require_standard(const ModelConfig& config);

}  // namespace aero::exchange
