#pragma once

#include <string>

namespace aero::model {

/// What a parameter is, by its name in the decoder: initialisation and weight decay go by it.
enum class ParameterKind {
  embedding,      ///< tokens.weight, positions.weight
  branch_output,  ///< of attention.o, ffn.w_out and ffn.w: they write to the residual stream
  matrix,         ///< every other matrix, an untied head included
  norm,           ///< gains and biases of norms
  bias,           ///< biases of linear layers
  slope,          ///< of a leaky ReLU
  scale,          ///< alpha and beta of ScFFN, the scalars of the simplified block
  gain,           ///< of weight normalisation
  temperature,    ///< of SM(t)
  threshold,      ///< theta of EReg
};

/// Throws Error for a name that no decoder has.
ParameterKind parameter_kind(const std::string& name);

}  // namespace aero::model
