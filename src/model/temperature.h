#pragma once

#include "aero/config/model_config.h"

#include <torch/types.h>

namespace aero::model {

/// t from what is stored of it.
inline torch::Tensor temperature_from(const torch::Tensor& stored, TemperatureForm form) {
  switch (form) {
    case TemperatureForm::exp:
      return stored.exp();
    case TemperatureForm::softplus:
      return torch::softplus(stored);
    case TemperatureForm::none:
    case TemperatureForm::raw:
      break;
  }
  return stored;
}

}  // namespace aero::model
