#pragma once

#include "aero/config/model_config.h"

#include <string>
#include <string_view>
#include <vector>

namespace aero {

/// Sets the module choices that an architecture name of the papers stands for. A name says what is
/// kept: SM, then LN (LayerNorm) or RMS (RMSNorm) where the blocks have norms, then G (GELU), R
/// (ReLU) or LR (leaky ReLU) where the FFN has an activation; "SM+LN+G" is the baseline, "SM" the
/// model whose only nonlinearity is softmax. A choice that already fits the name (gelu_tanh under
/// G) is kept; a GELU that comes new is the family's. Throws UsageError that names the unknown part
/// and the nearest known one, or the right order.
void apply_architecture(std::string_view name, ModelConfig& config);

/// The canonical name of a config's choices; apply_architecture() of it changes nothing.
std::string architecture_name(const ModelConfig& config);

/// Every architecture that this version can build, by its canonical name.
std::vector<std::string> architecture_names();

}  // namespace aero
