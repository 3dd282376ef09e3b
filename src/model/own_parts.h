#pragma once

#include "aero/config/model_config.h"

#include <torch/nn/module.h>

#include <string>

namespace aero::model {

/// Returns a config of the same modules in small. The types of modules do not depend on sizes.
ModelConfig shrunk(ModelConfig config);

/// Lists the modules of `actual` that differ from those of `expected`, as DecoderImpl::own_parts()
/// does.
std::string differences_of(const torch::nn::Module& actual, const torch::nn::Module& expected);

/// Throws UsageError where a model has other parts than its config records.
void require_same_parts(const std::string& recorded, const std::string& actual);

}  // namespace aero::model
