#include "four_steps_candidates.h"

#include "aero/config/loader.h"
#include "aero/config/notation.h"
#include "aero/core/error.h"

#include <algorithm>

namespace aero::pipeline {
namespace {

Member make_member(int step, const std::string& name, RunConfig config,
                   std::vector<Change> changes = {}) {
  const auto shown = name.empty() ? architecture_name(config.model) : name;
  return {shown, std::to_string(step) + "-" + slug(shown), std::move(changes), std::move(config)};
}

/// Loads the changes on top of the kept config, so that the loader finds a key that contradicts the
/// architecture's name.
RunConfig with_changes(const RunConfig& before, const std::string& architecture,
                       const std::vector<Change>& set) {
  std::vector<Override> overrides{"model.architecture=" + architecture};
  for (const Change& change : set) overrides.push_back(change.key + "=" + change.value);
  return parse_config(to_json(before), "the model before", overrides);
}

std::vector<Candidate> named(const std::vector<ModelConfig>& models) {
  std::vector<Candidate> candidates;
  candidates.reserve(models.size());
  for (const ModelConfig& model : models) candidates.push_back({architecture_name(model), ""});
  return candidates;
}

}  // namespace

Member baseline_member(const FourSteps& plan) {
  return make_member(0, "", plan.baseline);
}

Member without_norm(const Candidate& candidate, const RunConfig& before) {
  auto config = with_changes(before, candidate.architecture, candidate.set);
  if (config.model.norm != NormKind::none) {
    throw UsageError("still has the norms that this step removes; name it without LN and RMS");
  }
  return make_member(1, candidate.name, std::move(config), candidate.set);
}

Member without_activation(const Candidate& candidate, const RunConfig& before) {
  auto config = with_changes(before, candidate.architecture, candidate.set);
  if (config.model.norm != NormKind::none || config.model.activation != ActivationKind::none) {
    throw UsageError(
        "still has norms or an activation, which the steps remove; name it without LN, RMS, G, R "
        "and LR");
  }
  return make_member(2, candidate.name, std::move(config), candidate.set);
}

Member fused(const RunConfig& before) {
  RunConfig config = before;
  config.model.ffn_fused = true;
  config.model.d_ffn = 0;  // one d x d matrix has no inner width
  return make_member(3, "", std::move(config));
}

Member pruned(const RunConfig& fused, std::int64_t count) {
  RunConfig config = fused;
  config.model.ffn_pruned = count;
  config.model.ffn_pruned_layers.clear();
  return make_member(3, "", std::move(config));
}

Member regularised(const Candidate& candidate, const RunConfig& before) {
  ModelConfig attention = before.model;
  apply_architecture(candidate.architecture, attention);
  ModelConfig model = before.model;
  model.temperature = attention.temperature;
  model.temperature_shape = attention.temperature_shape;
  model.ereg.enabled = attention.ereg.enabled;
  return make_member(4, candidate.name,
                     with_changes(before, architecture_name(model), candidate.set), candidate.set);
}

std::vector<Candidate> default_without_norm(const ModelConfig& baseline) {
  ModelConfig gelu = baseline;
  gelu.norm = NormKind::none;
  gelu.activation = ActivationKind::gelu;
  ModelConfig relu = gelu;
  relu.activation = ActivationKind::relu;
  return named({gelu, relu});
}

std::vector<Candidate> default_without_activation(const ModelConfig& baseline) {
  ModelConfig plain = baseline;
  plain.norm = NormKind::none;
  plain.activation = ActivationKind::none;
  plain.ffn_form = WeightForm::plain;
  plain.ffn_scaled = false;
  ModelConfig scaled = plain;
  scaled.ffn_scaled = true;
  ModelConfig weight_norm = plain;
  weight_norm.ffn_form = WeightForm::weight_norm;
  ModelConfig spectral_norm = plain;
  spectral_norm.ffn_form = WeightForm::spectral_norm;
  return named({plain, scaled, weight_norm, spectral_norm});
}

std::vector<Candidate> default_regularised() {
  return {{attention_names().front(), ""}};
}

std::vector<std::string> attention_names() {
  return {"EReg(SM(t))", "SM(t)", "EReg(SM)"};
}

}  // namespace aero::pipeline
