#pragma once

#include "aero/model/module.h"

#include <string>
#include <utility>
#include <vector>

namespace aero::model {

/// A parameter with its name and kind, as the optimizer needs it.
struct Parameter {
  std::string name;
  torch::Tensor value;
  ParameterKind kind;
};

/// Lists all parameters of a module in the order of its named_parameters(). A parameter that
/// several modules share is listed once, under its first name.
std::vector<Parameter> parameters_of(const ModuleImpl& module);

/// Lists in the same way the buffers that a checkpoint keeps (ModuleImpl::keeps_buffer()).
std::vector<std::pair<std::string, torch::Tensor>> kept_buffers_of(const ModuleImpl& module);

}  // namespace aero::model
