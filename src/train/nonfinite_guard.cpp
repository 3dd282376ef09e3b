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

Verdict verdict_on_nonfinite(const Trainer& trainer) {
  const auto& config = trainer.config().train;
  switch (config.on_nonfinite) {
    case OnNonfinite::stop:
      return Verdict::stop;
    case OnNonfinite::skip:
      return Verdict::skip;
    case OnNonfinite::rewind:
      return trainer.rewinds() < config.rewinds ? Verdict::rewind : Verdict::stop;
  }
  return Verdict::stop;
}

std::string describe(const NonfiniteEvent& event) {
  auto text = fmt::format("step {}: the {} is not finite", event.step, event.quantity);
  if (!event.layer.empty()) text += ", first in the output of " + event.layer;
  if (!event.parameter.empty()) text += ", parameter " + event.parameter;
  if (event.action == "stop") return text + "; stopping before the step (train.on_nonfinite)";
  if (event.action == "skip") return text + "; the step is skipped (train.on_nonfinite)";
  return text + "; going back to the last checkpoint (train.on_nonfinite)";
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
  const auto verdict = verdict_on_nonfinite(trainer);
  auto event = locate_nonfinite(trainer, record);
  event.action = verdict == Verdict::stop ? "stop" : verdict == Verdict::skip ? "skip" : "rewind";
  log::warn(describe(event));
  trainer.report(event);
  return verdict;
}

void NonfiniteGuard::on_rewind(Trainer& trainer, const Rewind& rewind) {
  log::info(fmt::format(
      "back at step {}; the data after those of step {} come next ({} of {}, "
      "train.rewinds)",
      rewind.step, rewind.cause.step, trainer.rewinds(), trainer.config().train.rewinds));
}

}  // namespace aero::train
