#pragma once

#include "aero/config/model_config.h"

#include <string>
#include <string_view>
#include <vector>

namespace aero {

/// Returns the named sizes: "gpt2-12l", "gpt2-18l" (the papers': H = 12, d = 768), "gpt2" (OpenAI's
/// 124M as Hugging Face has it), "pythia-70m", "gpt2-tiny", "pythia-tiny" (tests).
std::vector<std::string> preset_names();

/// Replaces the whole model config with the preset. Throws UsageError that lists the names.
void apply_preset(std::string_view name, ModelConfig& config);

/// Changes the family and the choices in which families differ: tied head, parallel residual, the
/// position table, and the form of GELU if the FFN has one. Does nothing if the config already has
/// the family.
void apply_family(Family family, ModelConfig& config);

/// Returns the GELU of the family's original model: gelu_tanh for GPT-2, gelu (erf) for GPT-NeoX.
ActivationKind family_gelu(Family family);

}  // namespace aero
