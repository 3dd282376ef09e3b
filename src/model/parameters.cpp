#include "aero/model/parameters.h"

#include <set>

namespace aero::model {
namespace {

/// Calls `visit` for `module` and all modules in it, parents first. Passes the module's full name,
/// the closest ModuleImpl around it, and its name within that. Names that are not empty end in ".".
template <class Visit>
void visit_modules(const torch::nn::Module& module, const std::string& name,
                   const ModuleImpl& around, const std::string& name_within, const Visit& visit) {
  const auto* const own = dynamic_cast<const ModuleImpl*>(&module);
  const auto& closest = own != nullptr ? *own : around;
  const auto within = own != nullptr ? std::string() : name_within;
  visit(module, name, closest, within);
  for (const auto& child : module.named_children()) {
    const auto step = child.key() + ".";
    visit_modules(*child.value(), name + step, closest, within + step, visit);
  }
}

/// Remembers tensors, to recognise one that was added before.
class SeenTensors {
 public:
  bool add(const torch::Tensor& tensor) {
    return seen_.insert(tensor.unsafeGetTensorImpl()).second;
  }

 private:
  std::set<const c10::TensorImpl*> seen_;
};

}  // namespace

std::vector<Parameter> parameters_of(const ModuleImpl& module) {
  std::vector<Parameter> result;
  SeenTensors seen;
  const auto take = [&](const torch::nn::Module& at, const std::string& name,
                        const ModuleImpl& closest, const std::string& within) {
    for (const auto& item : at.named_parameters(/*recurse=*/false)) {
      const auto& value = item.value();
      if (!seen.add(value)) continue;
      result.push_back(
          {name + item.key(), value, closest.parameter_kind(within + item.key(), value)});
    }
  };
  visit_modules(module, "", module, "", take);
  return result;
}

std::vector<std::pair<std::string, torch::Tensor>> kept_buffers_of(const ModuleImpl& module) {
  std::vector<std::pair<std::string, torch::Tensor>> result;
  SeenTensors seen;
  const auto take = [&](const torch::nn::Module& at, const std::string& name,
                        const ModuleImpl& closest, const std::string& within) {
    for (const auto& item : at.named_buffers(/*recurse=*/false)) {
      if (!closest.keeps_buffer(within + item.key()) || !seen.add(item.value())) continue;
      result.emplace_back(name + item.key(), item.value());
    }
  };
  visit_modules(module, "", module, "", take);
  return result;
}

}  // namespace aero::model
