#include "batch_statistics.h"

#include "aero/model/norm.h"

#include <cstdint>
#include <vector>

namespace aero::train {

void average_statistics(model::DecoderImpl& decoder, const dist::Communicator& communicator,
                        double part) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> sigmas;
  for (const auto& module : decoder.modules(/*include_self=*/false)) {
    auto* const norm = module->as<model::FixedLayerNormImpl>();
    if (norm != nullptr && norm->is_averaging()) sigmas.push_back(norm->sigma());
  }
  if (sigmas.empty()) return;
  // A running average of squares is linear in the batches, whatever their number.
  const auto squares = torch::cat(sigmas).to(torch::kFloat64).square() * part;
  communicator.sum(squares);
  const auto averages = squares.sqrt();
  for (std::size_t i = 0; i < sigmas.size(); ++i) {
    sigmas[i].copy_(averages.narrow(0, static_cast<std::int64_t>(i), 1));
  }
}

}  // namespace aero::train
