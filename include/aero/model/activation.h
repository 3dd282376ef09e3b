#pragma once

#include "aero/config/model_config.h"
#include "aero/model/part.h"

namespace aero::model {

/// The FFN's activation, of a kind of config/part_kinds.h; absent for ActivationKind::none. A leaky
/// ReLU is max(x, 0) + slope min(x, 0), the slope a constant or a parameter [1].
Part make_activation(const ModelConfig& config);

}  // namespace aero::model
