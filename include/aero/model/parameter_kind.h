#pragma once

namespace aero::model {

/// What a parameter is to the optimizer: weight decay goes by it (DecayConfig), and the initial
/// values of AERO's own matrices. A module says it where it registers the parameter (ModuleImpl).
enum class ParameterKind {
  embedding,      ///< of tokens and positions
  branch_output,  ///< of attention.o, ffn.w_out and ffn.w: they write to the residual stream
  matrix,         ///< every other matrix, an untied head included
  norm,           ///< gains and biases of norms
  bias,           ///< biases of linear layers
  slope,          ///< of a leaky ReLU
  scale,          ///< alpha and beta of ScFFN, the scalars of the simplified block
  gain,           ///< of weight normalisation
  temperature,    ///< of SM(t)
  threshold,      ///< theta of EReg
  vector,         ///< of a part of one's own that says nothing else: never decays
};

}  // namespace aero::model
