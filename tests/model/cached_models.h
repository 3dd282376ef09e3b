#pragma once

#include "tests/model/decoders.h"

#include <vector>

namespace aero::model {

/// Models whose cached forward passes differ.
inline std::vector<NamedModel> cached_models() {
  auto sequential_pythia = small_pythia();
  sequential_pythia.parallel_residual = false;
  sequential_pythia.rotary_fraction = 1;
  auto softmax_alone = small_gpt2();
  softmax_alone.norm = NormKind::none;
  softmax_alone.activation = ActivationKind::none;
  auto more_positions = small_gpt2();
  more_positions.positions = 20;
  return {{"gpt2", small_gpt2()},
          {"pythia", small_pythia()},
          {"sequential_pythia", sequential_pythia},
          {"simplified", small_simplified()},
          {"softmax_only", small_softmax_only()},
          {"softmax_alone", softmax_alone},
          {"two_quad", small_with("2Q(h)+LN+Q")},
          {"relu_attention", small_with("RA(t)+LN+G")},
          {"head_temperature", small_with("SM(h)+ScFuFFN")},
          {"more_positions", more_positions}};
}

}  // namespace aero::model
