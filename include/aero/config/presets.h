#pragma once

#include "aero/config/model_config.h"

#include <string>
#include <string_view>
#include <vector>

namespace aero {

/// Named sizes: "gpt2-12l", "gpt2-18l" (the papers': H = 12, d = 768), "gpt2" (OpenAI's 124M as
/// Hugging Face has it), "pythia-70m", "gpt2-tiny", "pythia-tiny" (tests).
std::vector<std::string> preset_names();

/// Replaces the whole model config by the preset. Throws UsageError that lists the names.
void apply_preset(std::string_view name, ModelConfig& config);

/// Changes the family, and with it the choices by which the families differ: tied head, parallel
/// residual, the position table, the form of GELU where the FFN has one. The family that the config
/// already has changes nothing.
void apply_family(Family family, ModelConfig& config);

/// The GELU of the family's origin: gelu_tanh for GPT-2, gelu (erf) for GPT-NeoX.
ActivationKind family_gelu(Family family);

}  // namespace aero
