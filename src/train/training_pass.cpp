#include "aero/train/training_pass.h"

#include "aero/train/precision.h"

#include "batch_statistics.h"

#include <cstdint>
#include <utility>

namespace aero::train {
namespace {

/// Returns x * factor in the dtype of x, as a factor on the host would give it.
torch::Tensor times(const torch::Tensor& x, const torch::Tensor& factor) {
  return x * factor.to(x.scalar_type());
}

model::BatchShare batch_share(const dist::Communicator& communicator, double part) {
  if (communicator.is_alone()) return {};
  return {part, [communicator](const torch::Tensor& x) {
            auto sum = x.clone();
            communicator.sum(sum);
            return sum;
          }};
}

}  // namespace

TrainingPass::TrainingPass(const RunConfig& config, model::Decoder decoder,
                           NamedParameters parameters, dist::Communicator communicator)
    : device_(decoder->device()),
      dtype_(config.train.dtype),
      has_penalty_(config.model.ereg.enabled),
      is_mean_penalty_(config.model.ereg.reduction == EntropyReduction::mean),
      decoder_(std::move(decoder)),
      parameters_(std::move(parameters)),
      communicator_(std::move(communicator)) {
  if (communicator_.is_alone()) return;
  std::vector<torch::Tensor> values;
  for (const auto& parameter : parameters_) values.push_back(parameter.value);
  gradient_sum_ = std::make_shared<dist::GradientSum>(communicator_, std::move(values),
                                                      scalar_type(config.train.gradient_sum));
}

torch::Tensor TrainingPass::operator()(const StepInputs& inputs) {
  const auto [cross_entropy, penalty] = add_gradients(inputs);
  if (gradient_sum_) gradient_sum_->finish();
  if (!communicator_.is_alone()) average_statistics(*decoder_, communicator_, inputs.part);
  const auto& scale = inputs.loss_scale;
  const auto overflows = scale.defined() ? unscale(gradients(parameters_), scale)
                                         : torch::zeros({}, torch::device(device_));
  const auto norm = gradient_norm_on_device(parameters_);
  std::vector<torch::Tensor> measured;
  for (const auto& x : {cross_entropy, norm, overflows, penalty}) {
    measured.push_back(x.to(device_, torch::kFloat64));
  }
  auto result = torch::stack(measured);
  // The norm is that of rank 0, in case other machines compute it with other bits.
  if (!communicator_.leads()) result.narrow(0, 1, 2).zero_();
  communicator_.sum(result);
  return result;
}

TrainingPass::Sums TrainingPass::add_gradients(const StepInputs& inputs) {
  const auto zero = [&] { return torch::zeros({}, torch::device(device_).dtype(torch::kFloat64)); };
  const auto& scale = inputs.loss_scale;
  const auto share = batch_share(communicator_, inputs.part);
  Sums sums{zero(), zero()};
  for (std::size_t i = 0; i < inputs.batches.size(); ++i) {
    // Weights by targets, so that the sum is the mean over all targets, however they are split.
    const auto weight = inputs.weights[static_cast<std::int64_t>(i)];
    torch::Tensor total;
    {
      const AutocastGuard autocast(device_, dtype_);
      const auto& batch = inputs.batches[i];
      const auto loss = decoder_->training_loss(batch.inputs, batch.targets, share);
      sums.cross_entropy += times(loss.cross_entropy.detach(), weight);
      total = times(loss.cross_entropy, weight);
      if (has_penalty_) {
        // The penalty is the whole micro-batch's already, or a part of a sum (entropy_penalty()).
        const auto whole = weight / inputs.part;
        sums.penalty += times(loss.penalty.detach(), is_mean_penalty_ ? weight : whole);
        total = total + times(loss.penalty, whole);
      }
    }
    if (gradient_sum_ && i + 1 == inputs.batches.size()) gradient_sum_->begin();
    (scale.defined() ? times(total, scale) : total).backward();
  }
  return sums;
}

PassRecord TrainingPass::read(const torch::Tensor& measured) const {
  const auto here = measured.cpu();
  const auto* const values = here.data_ptr<double>();
  PassRecord record{values[0], values[1], values[2] != 0, {}};
  if (has_penalty_) record.penalty = values[3];
  return record;
}

}  // namespace aero::train
