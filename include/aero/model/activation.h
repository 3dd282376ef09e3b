#pragma once

#include "aero/config/model_config.h"
#include "aero/model/part.h"

namespace aero::model {

/// The FFN's activation; absent for ActivationKind::none.
/// gelu: x Phi(x) by erf (arXiv 1606.08415); gelu_tanh: GPT-2's approximation of it.
/// quadratic: 0.125 x^2 + 0.25 x + 0.5 = 0.125 (x + 1)^2 + 0.375 (arXiv 2211.01452).
/// leaky_relu: max(x, 0) + slope min(x, 0), the slope a constant or a parameter [1].
Part make_activation(const ModelConfig& config);

}  // namespace aero::model
