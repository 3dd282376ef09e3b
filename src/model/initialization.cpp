#include "aero/model/initialization.h"

#include "aero/model/parameter_kind.h"
#include "aero/ops/generator.h"

#include <cmath>

namespace aero::model {

namespace {

/// He and Hofmann's W_Q, and the values' matrix of their layer 0.
bool starts_at_zero(const ModelConfig& config, const std::string& name) {
  return config.family == Family::simplified &&
         (name.ends_with("attention.q.weight") || name.ends_with("attention.v.weight"));
}

/// What normalised layers have beside their weights.
void start_forms(DecoderImpl& decoder, const torch::Generator& generator) {
  for (const auto& module : decoder.modules()) {
    if (auto* weight_norm = module->as<WeightNormLinearImpl>()) weight_norm->start();
    if (auto* spectral_norm = module->as<SpectralNormLinearImpl>()) spectral_norm->start(generator);
  }
}

}  // namespace

void initialize(DecoderImpl& decoder, std::uint64_t seed) {
  const torch::NoGradGuard no_grad;
  const auto& config = decoder.config();
  const double std = config.init == InitRule::width
                         ? 1 / std::sqrt(static_cast<double>(config.d_model))
                         : config.init_std;
  const double branch_std =
      config.residual_scaling ? std / std::sqrt(2.0 * static_cast<double>(config.n_layer)) : std;
  const auto generator = ops::make_generator(seed);
  for (auto& item : decoder.named_parameters()) {
    auto& parameter = item.value();
    switch (parameter_kind(item.key())) {
      case ParameterKind::embedding:
      case ParameterKind::matrix:
        parameter.normal_(0, starts_at_zero(config, item.key()) ? 0 : std, generator);
        break;
      case ParameterKind::branch_output:
        parameter.normal_(0, branch_std, generator);
        break;
      case ParameterKind::bias:
        parameter.zero_();
        break;
      case ParameterKind::gain:  // from the weights, below
      case ParameterKind::norm:
      case ParameterKind::slope:
      case ParameterKind::scale:
      case ParameterKind::temperature:
      case ParameterKind::threshold:
        break;  // as the model was built
    }
  }
  start_forms(decoder, generator);
}

}  // namespace aero::model
