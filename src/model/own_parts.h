#pragma once

#include "aero/config/model_config.h"

#include <torch/nn/module.h>

#include <string>

namespace aero::model {

/// A config of the same modules in small: what a module is does not depend on these sizes.
ModelConfig shrunk(ModelConfig config);

/// The modules within `actual` that are not those of `expected`, as DecoderImpl::own_parts() names
/// them.
std::string differences_of(const torch::nn::Module& actual, const torch::nn::Module& expected);

/// Throws UsageError where the parts that a config records are not those that a model has.
void require_same_parts(const std::string& recorded, const std::string& actual);

}  // namespace aero::model
