#pragma once

#include "aero/config/model_config.h"

#include <torch/types.h>

namespace aero::model {

/// Computes a temperature t from its parameter.
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
