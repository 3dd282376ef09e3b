#include "aero/train/training_pass.h"

#include "aero/train/precision.h"

#include <cstdint>
#include <utility>

namespace aero::train {
namespace {

/// Returns x * factor in the dtype of x, as a factor on the host would give it.
torch::Tensor times(const torch::Tensor& x, const torch::Tensor& factor) {
  return x * factor.to(x.scalar_type());
}

}  // namespace

TrainingPass::TrainingPass(const RunConfig& config, model::Decoder decoder,
                           NamedParameters parameters)
    : device_(decoder->device()),
      dtype_(config.train.dtype),
      has_penalty_(config.model.ereg.enabled),
      decoder_(std::move(decoder)),
      parameters_(std::move(parameters)) {}

torch::Tensor TrainingPass::operator()(const StepInputs& inputs) {
  const auto zero = [&] { return torch::zeros({}, torch::device(device_).dtype(torch::kFloat64)); };
  const auto& scale = inputs.loss_scale;
  auto cross_entropy = zero();
  auto penalty = zero();
  for (std::size_t i = 0; i < inputs.batches.size(); ++i) {
    // Weights by targets, so that the sum is the mean over all targets, however they are split.
    const auto weight = inputs.weights[static_cast<std::int64_t>(i)];
    torch::Tensor share;
    {
      const AutocastGuard autocast(device_, dtype_);
      const auto& batch = inputs.batches[i];
      const auto loss = decoder_->training_loss(batch.inputs, batch.targets);
      cross_entropy += times(loss.cross_entropy.detach(), weight);
      if (has_penalty_) penalty += times(loss.penalty.detach(), weight);
      share = times(loss.total(), weight);
    }
    (scale.defined() ? times(share, scale) : share).backward();
  }
  const auto overflows = scale.defined() ? unscale(gradients(parameters_), scale) : zero();
  const auto norm = gradient_norm_on_device(parameters_);
  std::vector<torch::Tensor> measured;
  for (const auto& x : {cross_entropy, norm, overflows, penalty}) {
    measured.push_back(x.to(device_, torch::kFloat64));
  }
  return torch::stack(measured);
}

PassRecord TrainingPass::read(const torch::Tensor& measured) const {
  const auto here = measured.cpu();
  const auto* const values = here.data_ptr<double>();
  PassRecord record{values[0], values[1], values[2] != 0, {}};
  if (has_penalty_) record.penalty = values[3];
  return record;
}

}  // namespace aero::train
