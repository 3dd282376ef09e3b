#include "aero/model/initialization.h"

#include "aero/model/parameter_kind.h"

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

namespace aero::model {

void initialize(DecoderImpl& decoder, std::uint64_t seed) {
  const torch::NoGradGuard no_grad;
  const auto& config = decoder.config();
  const double std = config.init == InitRule::width
                         ? 1 / std::sqrt(static_cast<double>(config.d_model))
                         : config.init_std;
  const double branch_std =
      config.residual_scaling ? std / std::sqrt(2.0 * static_cast<double>(config.n_layer)) : std;
  const auto generator = at::detail::createCPUGenerator(seed);
  for (auto& item : decoder.named_parameters()) {
    auto& parameter = item.value();
    switch (parameter_kind(item.key())) {
      case ParameterKind::embedding:
      case ParameterKind::matrix:
        parameter.normal_(0, std, generator);
        break;
      case ParameterKind::branch_output:
        parameter.normal_(0, branch_std, generator);
        break;
      case ParameterKind::norm:
        parameter.fill_(item.key().ends_with(".weight") ? 1 : 0);
        break;
      case ParameterKind::bias:
        parameter.zero_();
        break;
      case ParameterKind::slope:
        parameter.fill_(config.leaky_init);
        break;
    }
  }
}

}  // namespace aero::model
