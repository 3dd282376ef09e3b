#pragma once

namespace aero::model {

/// What kind of parameter it is. Weight decay depends on the kind (DecayConfig), and so do the
/// initial values of AERO's matrices. A module gives the kind where it registers the parameter
/// (ModuleImpl).
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
  vector,         ///< of a program's own part that names no kind; it never decays
};

}  // namespace aero::model
