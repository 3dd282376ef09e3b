#include "aero/model/module.h"

namespace aero::model {

ParameterKind ModuleImpl::parameter_kind(const std::string& name,
                                         const torch::Tensor& parameter) const {
  const auto found = kinds_.find(name);
  if (found != kinds_.end()) return found->second;
  return parameter.dim() >= 2 ? ParameterKind::matrix : ParameterKind::vector;
}

torch::Tensor ModuleImpl::register_parameter(const std::string& name, torch::Tensor tensor,
                                             ParameterKind kind) {
  kinds_[name] = kind;
  return register_parameter(name, std::move(tensor));
}

}  // namespace aero::model
