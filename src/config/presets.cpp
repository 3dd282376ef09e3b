#include "aero/config/presets.h"

#include "aero/config/suggest.h"
#include "aero/core/error.h"

#include <cstdint>

namespace aero {
namespace {

/// The papers' GPT-2 as the authors' public code builds it.
ModelConfig papers_gpt2(std::int64_t n_layer) {
  return {.family = Family::gpt2,
          .n_layer = n_layer,
          .n_head = 12,
          .d_model = 768,
          .context = 128,
          .positions = 1024,
          .vocab_size = 50000,
          .activation = ActivationKind::gelu,
          .biases = BiasSet::qk,
          .dropout_embedding = 0.1,
          .residual_scaling = false};
}

ModelConfig openai_gpt2() {
  return {.family = Family::gpt2,
          .n_layer = 12,
          .n_head = 12,
          .d_model = 768,
          .context = 1024,
          .vocab_size = 50257};
}

ModelConfig pythia(std::int64_t n_layer, std::int64_t n_head, std::int64_t d_model,
                   std::int64_t context, std::int64_t vocab_size) {
  return {.family = Family::pythia,
          .n_layer = n_layer,
          .n_head = n_head,
          .d_model = d_model,
          .context = context,
          .vocab_size = vocab_size,
          .activation = ActivationKind::gelu,
          .tied_head = false,
          .parallel_residual = true};
}

ModelConfig gpt2_tiny() {
  return {.family = Family::gpt2,
          .n_layer = 2,
          .n_head = 4,
          .d_model = 32,
          .context = 32,
          .vocab_size = 97};
}

/// Sets the other choices of He and Hofmann's block: RMSNorm, ReLU, biases on Q and K alone, and
/// matrices whose initial std does not depend on depth.
void apply_simplified(ModelConfig& config) {
  config.norm = NormKind::rmsnorm;
  config.activation = ActivationKind::relu;
  config.biases = BiasSet::qk;
  config.residual_scaling = false;
}

ModelConfig simplified_tiny() {
  ModelConfig config = gpt2_tiny();
  config.family = Family::simplified;
  config.ffn_scaled = true;
  apply_simplified(config);
  return config;
}

struct Preset {
  std::string name;
  ModelConfig config;
};

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all{
      {"gpt2-12l", papers_gpt2(12)},
      {"gpt2-18l", papers_gpt2(18)},
      {"gpt2", openai_gpt2()},
      {"pythia-70m", pythia(6, 8, 512, 2048, 50304)},
      {"gpt2-tiny", gpt2_tiny()},
      {"pythia-tiny", pythia(2, 4, 32, 32, 97)},
      {"simplified-tiny", simplified_tiny()},
  };
  return all;
}

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& preset : presets()) names.push_back(preset.name);
  return names;
}

void apply_preset(std::string_view name, ModelConfig& config) {
  for (const Preset& preset : presets()) {
    if (preset.name == name) {
      config = preset.config;
      return;
    }
  }
  throw UsageError("unknown preset" + choice_hint(name, preset_names()));
}

void apply_family(Family family, ModelConfig& config) {
  if (family == config.family) return;
  const bool gelu =
      config.activation == family_gelu(config.family) || config.activation == family_gelu(family);
  config.family = family;
  config.tied_head = family != Family::pythia;
  config.parallel_residual = family == Family::pythia;
  config.positions = 0;
  if (gelu) config.activation = family_gelu(family);
  config.ffn_scaled = family == Family::simplified;
  if (family == Family::simplified) apply_simplified(config);
}

ActivationKind family_gelu(Family family) {
  return family != Family::pythia ? ActivationKind::gelu_tanh : ActivationKind::gelu;
}

}  // namespace aero
