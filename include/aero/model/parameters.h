#pragma once

#include "aero/model/module.h"

#include <string>
#include <utility>
#include <vector>

namespace aero::model {

/// A parameter as the optimizer takes it.
struct Parameter {
  std::string name;
  torch::Tensor value;
  ParameterKind kind;
};

/// All parameters of a module, in the order of its named_parameters(). One that several modules
/// share stands once, under its first name.
std::vector<Parameter> parameters_of(const ModuleImpl& module);

/// The buffers that a checkpoint keeps (ModuleImpl::keeps_buffer()), likewise.
std::vector<std::pair<std::string, torch::Tensor>> kept_buffers_of(const ModuleImpl& module);

}  // namespace aero::model
