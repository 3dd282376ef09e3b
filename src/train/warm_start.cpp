#include "aero/train/warm_start.h"

#include "aero/checkpoint/run_folder.h"
#include "aero/core/error.h"
#include "aero/core/text.h"
#include "aero/model/surgery.h"
#include "aero/runs/find_checkpoint.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>

namespace aero::train {
namespace {

/// Converts the source to the form of the model.
model::TrainedModel as_in(const ModelConfig& config, model::TrainedModel source) {
  const auto& from = source.config;
  const bool folds = (from.ffn_form != WeightForm::plain && config.ffn_form == WeightForm::plain) ||
                     (from.qk_form != WeightForm::plain && config.qk_form == WeightForm::plain);
  if (folds) source = model::fold_forms(source);
  const bool fuses = config.ffn_fused && !source.config.ffn_fused;
  if (fuses && source.config.activation == ActivationKind::none) source = model::fuse_ffns(source);
  return source;
}

/// Makes a layer whose source was plain compute the same as the source, as far as its form can:
/// fits the gain of weight normalisation to the weights, and finds the vectors of spectral
/// normalisation.
void start_fresh_forms(model::DecoderImpl& decoder, const std::vector<std::string>& fresh) {
  const auto generator = at::detail::createCPUGenerator();
  const auto is_fresh = [&](const std::string& name) {
    return std::ranges::find(fresh, name) != fresh.end();
  };
  for (const auto& item : decoder.named_modules()) {
    auto* const weight_norm = item.value()->as<model::WeightNormLinearImpl>();
    auto* const spectral_norm = item.value()->as<model::SpectralNormLinearImpl>();
    if (weight_norm != nullptr && is_fresh(item.key() + ".gain")) weight_norm->start();
    if (spectral_norm != nullptr && is_fresh(item.key() + ".u")) spectral_norm->start(generator);
  }
}

}  // namespace

WarmStart warm_start(model::DecoderImpl& decoder, const std::filesystem::path& path) {
  const torch::NoGradGuard no_grad;
  const auto folder = runs::find_checkpoint(path);
  auto source = as_in(decoder.config(), {checkpoint::load_checkpoint_config(folder).model,
                                         checkpoint::load_weights(folder)});
  WarmStart result;
  bool any = false;
  for (auto& [name, tensor] : decoder.named_state()) {
    const auto found = source.weights.find(name);
    if (found == source.weights.end() || found->second.sizes() != tensor.sizes()) {
      result.fresh.push_back(name);
      continue;
    }
    tensor.copy_(found->second);
    source.weights.erase(found);
    any = true;
  }
  start_fresh_forms(decoder, result.fresh);
  for (const auto& [name, tensor] : source.weights) result.unused.push_back(name);
  if (!any) {
    throw UsageError(fmt::format(
        "train.warm_start: \"{}\": none of its weights fits the model; name a run of the same "
        "width and vocabulary",
        path.string()));
  }
  return result;
}

}  // namespace aero::train
