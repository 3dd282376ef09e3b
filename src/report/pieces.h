#pragma once

#include "aero/config/model_config.h"

#include <string>
#include <vector>

namespace aero::report {

/// A line that says how one part of the model is made.
struct Piece {
  std::string name;     ///< block, attention, ffn, norm, entropy_penalty
  std::string meaning;  ///< "one matrix; scaled, alpha from 1, beta from 1; none in layers 1, 2"
};

/// Describes the parts that the config chooses. entropy_penalty is among them only if the loss has
/// one.
std::vector<Piece> pieces(const ModelConfig& config);

}  // namespace aero::report
