#pragma once

#include "aero/config/model_config.h"
#include "aero/model/part.h"

namespace aero::model {

/// Makes the FFN's activation, of a kind of config/part_kinds.h; an absent part for
/// ActivationKind::none. A leaky ReLU is max(x, 0) + slope min(x, 0), where the slope is a constant
/// or a parameter [1].
Part make_activation(const ModelConfig& config);

}  // namespace aero::model
