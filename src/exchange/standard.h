#pragma once

#include "aero/config/model_config.h"

namespace aero::exchange {

/// Whether transformers' own GPT-2 or GPT-NeoX computes what a model of this config does.
bool is_standard(const ModelConfig& config);

}  // namespace aero::exchange
