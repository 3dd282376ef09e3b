#include "aero/model/initialization.h"

#include "aero/ops/generator.h"

#include <cmath>

namespace aero::model {

namespace {

/// Whether it is W_Q or the values' matrix of He and Hofmann's block, which start at 0.
bool starts_at_zero(const ModelConfig& config, const std::string& name) {
  return config.family == Family::simplified &&
         (name.ends_with("attention.q") || name.ends_with("attention.v"));
}

/// Fills the weights and biases of AERO's layers, wherever they stand.
void fill_matrices(DecoderImpl& decoder, const torch::Generator& generator) {
  const auto& config = decoder.config();
  const double std = config.init == InitRule::width
                         ? 1 / std::sqrt(static_cast<double>(config.d_model))
                         : config.init_std;
  const double branch_std =
      config.residual_scaling ? std / std::sqrt(2.0 * static_cast<double>(config.n_layer)) : std;
  for (const auto& item : decoder.named_modules()) {
    if (auto* const embedding = item.value()->as<EmbeddingImpl>()) {
      embedding->weight.normal_(0, std, generator);
    }
    if (auto* const linear = item.value()->as<LinearImpl>()) {
      const auto kind = linear->parameter_kind("weight", linear->weight);
      const double wanted = kind == ParameterKind::branch_output ? branch_std : std;
      linear->weight.normal_(0, starts_at_zero(config, item.key()) ? 0 : wanted, generator);
      if (linear->bias.defined()) linear->bias.zero_();
    }
  }
}

/// Starts the gains and singular vectors of normalised layers.
void start_forms(DecoderImpl& decoder, const torch::Generator& generator) {
  for (const auto& module : decoder.modules()) {
    if (auto* weight_norm = module->as<WeightNormLinearImpl>()) weight_norm->start();
    if (auto* spectral_norm = module->as<SpectralNormLinearImpl>()) spectral_norm->start(generator);
  }
}

/// Mixes all bits of the seed and the name into a seed of the name's own.
std::uint64_t seed_of(std::uint64_t seed, const std::string& name) {
  std::uint64_t mixed = 0xCBF29CE484222325 ^ seed;  // FNV-1a
  for (const char letter : name)
    mixed = (mixed ^ static_cast<unsigned char>(letter)) * 0x100000001B3;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;  // and the last step of splitmix64
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
  return mixed ^ (mixed >> 31);
}

/// Calls initialize() of the parts, inner ones first, so that the outer part has the last word.
void start_parts(DecoderImpl& decoder, std::uint64_t seed) {
  const auto modules = decoder.named_modules("", /*include_self=*/false);
  for (std::size_t i = modules.size(); i-- > 0;) {
    if (auto* const part = modules[i].value()->as<ModuleImpl>()) {
      part->initialize(ops::make_generator(seed_of(seed, modules[i].key())));
    }
  }
}

}  // namespace

void initialize(DecoderImpl& decoder, std::uint64_t seed) {
  const torch::NoGradGuard no_grad;
  const auto generator = ops::make_generator(seed);
  fill_matrices(decoder, generator);
  start_forms(decoder, generator);
  start_parts(decoder, seed);
}

}  // namespace aero::model
