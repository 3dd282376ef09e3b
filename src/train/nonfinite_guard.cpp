#include "aero/train/nonfinite_guard.h"

#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/train/trainer.h"

#include <cmath>

namespace aero::train {
namespace {

bool is_finite(const torch::Tensor& x) {
  return torch::isfinite(x).all().item<bool>();
}

/// Finds the first layer of the forward pass whose output is not finite.
std::string first_nonfinite_layer(Trainer& trainer) {
  const torch::NoGradGuard no_grad;
  const auto& config = trainer.config();
  auto& decoder = trainer.decoder();
  const AutocastGuard autocast(decoder->device(), config.train.dtype);
  auto x = decoder->embed(trainer.last_batch().inputs);
  if (!is_finite(x)) return "tokens";
  std::size_t l = 0;
  for (const auto& block : decoder->blocks()) {
    x = block->forward(x);
    if (!is_finite(x)) return fmt::format("blocks.{}", l);
    ++l;
  }
  x = decoder->finish(x);
  if (!is_finite(x)) return "final_norm";
  if (!is_finite(torch::linear(x, decoder->head_weight()))) return "head";
  return "";
}

std::string nonfinite_parameter(const NamedParameters& parameters) {
  for (const auto& [name, parameter, kind] : parameters) {
    if (!is_finite(parameter)) return name;
  }
  // The gradient runs back from the loss, so the last parameter of the forward pass met it first.
  for (auto item = parameters.rbegin(); item != parameters.rend(); ++item) {
    const auto& gradient = item->value.grad();
    if (gradient.defined() && !is_finite(gradient)) return item->name;
  }
  return "";
}

std::string describe(const NonfiniteEvent& event) {
  auto text = fmt::format("step {}: the {} is not finite", event.step, event.quantity);
  if (!event.layer.empty()) text += ", first in the output of " + event.layer;
  if (!event.parameter.empty()) text += ", parameter " + event.parameter;
  return text + (event.action == "stop" ? "; stopping before the step (train.on_nonfinite)"
                                        : "; the step is skipped (train.on_nonfinite)");
}

}  // namespace

NonfiniteEvent locate_nonfinite(Trainer& trainer, const StepRecord& record) {
  NonfiniteEvent event;
  event.step = record.step;
  event.quantity = record.is_finite()           ? "gradient"
                   : std::isfinite(record.loss) ? "penalty"
                                                : "loss";
  event.layer = first_nonfinite_layer(trainer);
  event.parameter = nonfinite_parameter(trainer.parameters());
  return event;
}

Verdict NonfiniteGuard::before_update(Trainer& trainer, const StepRecord& record) {
  if (record.is_finite() && std::isfinite(record.grad_norm)) return Verdict::update;
  const bool stops = trainer.config().train.on_nonfinite == OnNonfinite::stop;
  auto event = locate_nonfinite(trainer, record);
  event.action = stops ? "stop" : "skip";
  log::warn(describe(event));
  trainer.report(event);
  return stops ? Verdict::stop : Verdict::skip;
}

}  // namespace aero::train
