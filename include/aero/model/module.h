#pragma once

#include "aero/model/parameter_kind.h"

#include <ATen/core/Generator.h>
#include <torch/nn/module.h>

#include <map>
#include <string>

namespace aero::model {

/// Base of every module of a decoder, AERO's and one's own: a torch::nn::Module that can tell what
/// its tensors are. Modules of LibTorch within it (a torch::nn::Linear, say) go by its word.
class ModuleImpl : public torch::nn::Module {
 public:
  /// The kind of a parameter in this module, by its name here ("weight", "inner.weight"): what it
  /// was registered with, else matrix for two and more dimensions, vector for fewer.
  virtual ParameterKind parameter_kind(const std::string& name,
                                       const torch::Tensor& parameter) const;

  /// Whether a checkpoint keeps a buffer in this module. False suits what follows from the config.
  virtual bool keeps_buffer(const std::string& /*name*/) const { return true; }

  /// Called by initialize() (model/initialization.h), after AERO has filled what it knows, inner
  /// modules first. Draw from `generator`, which depends on the seed and the module's name alone.
  virtual void initialize(const torch::Generator& /*generator*/) {}

  /// Told before each step and after it how much of the training is done, from 0 to 1.
  virtual void set_progress(double /*share*/) {}

 protected:
  using torch::nn::Module::register_parameter;
  torch::Tensor register_parameter(const std::string& name, torch::Tensor tensor,
                                   ParameterKind kind);

 private:
  std::map<std::string, ParameterKind> kinds_;
};

}  // namespace aero::model
