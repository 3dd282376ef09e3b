#pragma once

#include "aero/model/parameter_kind.h"

#include <ATen/core/Generator.h>
#include <torch/nn/module.h>

#include <map>
#include <string>

namespace aero::model {

/// Base of every module of a decoder, of AERO or of a program's own: a torch::nn::Module that knows
/// the kinds of its tensors. It also answers for modules of LibTorch within it, such as a
/// torch::nn::Linear.
class ModuleImpl : public torch::nn::Module {
 public:
  /// Returns the kind of a parameter, by its name in this module ("weight", "inner.weight"): the
  /// kind it was registered with, else matrix for two or more dimensions and vector for fewer.
  virtual ParameterKind parameter_kind(const std::string& name,
                                       const torch::Tensor& parameter) const;

  /// Whether a checkpoint keeps a buffer of this module. Return false for one that follows from the
  /// config.
  virtual bool keeps_buffer(const std::string& /*name*/) const { return true; }

  /// Fills the module's own parameters. initialize() (model/initialization.h) calls it after it has
  /// filled AERO's parts, for inner modules first. `generator` depends only on the seed and the
  /// module's name.
  virtual void initialize(const torch::Generator& /*generator*/) {}

  /// Receives the finished share of the training, from 0 to 1, before and after each step.
  virtual void set_progress(double /*share*/) {}

 protected:
  using torch::nn::Module::register_parameter;
  torch::Tensor register_parameter(const std::string& name, torch::Tensor tensor,
                                   ParameterKind kind);

 private:
  std::map<std::string, ParameterKind> kinds_;
};

}  // namespace aero::model
