#pragma once

#include "aero/config/model_config.h"
#include "aero/model/part.h"

namespace aero::model {

/// LayerNorm (arXiv 1607.06450): (x - mean) / sqrt(var + eps) * weight + bias over the last
/// dimension. RMSNorm (arXiv 1910.07467): x / sqrt(mean(x^2) + eps) * weight. Absent for
/// NormKind::none.
Part make_norm(NormKind kind, std::int64_t width, double eps, bool with_bias);

}  // namespace aero::model
