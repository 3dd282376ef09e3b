#include "four_steps_baseline.h"

#include "aero/checkpoint/run_folder.h"
#include "aero/config/loader.h"
#include "aero/core/files.h"
#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/jobs/unverified_corpus.h"
#include "aero/pipeline/sweep_statistics.h"
#include "aero/runs/find_checkpoint.h"
#include "aero/train/evaluation.h"
#include "aero/train/load_weights.h"
#include "aero/train/model_tokenizer.h"
#include "aero/train/open_corpus.h"
#include "aero/train/precision.h"
#include "aero/train/trainer.h"

#include "measurement.h"

#include <ATen/Parallel.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

namespace aero::pipeline {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string evaluation_text(const FourSteps& plan) {
  if (!plan.evaluated.empty()) return plan.evaluated;
  return fs::is_regular_file(baseline_file(plan)) ? read_file(baseline_file(plan)) : "";
}

/// Lists the keys of a model that matter once it is trained: takes initial values and dropout from
/// `base`, so that they do not differ.
Json trained_form(ModelConfig config, const ModelConfig& base) {
  config.dropout_embedding = base.dropout_embedding;
  config.dropout_attention = base.dropout_attention;
  config.dropout_residual = base.dropout_residual;
  config.init = base.init;
  config.init_std = base.init_std;
  config.residual_scaling = base.residual_scaling;
  return Json::parse(to_json(config)).flatten();
}

/// Returns the fingerprint of the validation split, or its path where it cannot be opened: the
/// evaluation then reports why.
std::string held_out_of(const RunConfig& config) {
  const auto corpus = jobs::unverified_corpus(config, "val");
  return corpus ? corpus->fingerprint() : config.data.path;
}

/// Collects everything that the result of an evaluation depends on.
Json evaluation_key(const FourSteps& plan) {
  const auto folder = runs::find_checkpoint(plan.loaded);
  const auto& config = plan.baseline;
  return {{"checkpoint", folder.string()},  {"weights", checkpoint::weights_checksum(folder)},
          {"data", held_out_of(config)},    {"batch_size", config.evaluation_batch()},
          {"batches", config.eval.batches}, {"dtype", static_cast<int>(config.train.dtype)},
          {"tf32", config.train.tf32}};
}

}  // namespace

fs::path baseline_file(const FourSteps& plan) {
  return plan.folder / "baseline.json";
}

std::string baseline_conflict(const FourSteps& plan) {
  const auto folder = runs::find_checkpoint(plan.loaded);
  const auto& here = plan.baseline.model;
  const Json a = trained_form(checkpoint::load_checkpoint_config(folder).model, here);
  const Json b = trained_form(here, here);
  for (const auto& [pointer, value] : b.items()) {
    const Json there = a.contains(pointer) ? a[pointer] : Json();
    if (there == value) continue;
    std::string key = "model" + pointer;
    for (char& c : key) c = c == '/' ? '.' : c;
    return fmt::format("its {} is {}, that of {} {}; make them equal, or name another model", key,
                       there.dump(), plan.base.string(), value.dump());
  }
  return "";
}

std::optional<MemberResult> evaluated_baseline(const FourSteps& plan) {
  const auto json = Json::parse(evaluation_text(plan), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("loss") ||
      json.value("evaluated", Json()) != evaluation_key(plan)) {
    return std::nullopt;
  }
  const auto config = checkpoint::load_checkpoint_config(runs::find_checkpoint(plan.loaded));
  const auto loss = json["loss"].is_number() ? json["loss"].get<double>()
                                             : std::numeric_limits<double>::quiet_NaN();
  jobs::RunState state;
  state.end = jobs::RunEnd::finished;
  jobs::EvaluationPoint point{0, loss, {}};
  if (const auto part = json.value("part", Json()); part.is_boolean()) {
    point.is_of_a_part = part.get<bool>();
  }
  state.evaluations.push_back(point);
  const auto held_out = jobs::unverified_corpus(plan.baseline, "val");
  MemberResult result{.name = "loaded",
                      .changes = {},
                      .report = report::make_report(plan.baseline),
                      .runs = {{config.seed, plan.loaded, state}},
                      .perplexity = spread_of({state.perplexity()}),
                      .loss = spread_of({loss}),
                      .change_percent = {},
                      .difference = {},
                      .bins = {},
                      .measured_on = measurement_of(
                          plan.baseline, {.is_whole = !point.is_of_a_part.value_or(true),
                                          .data = held_out ? held_out->fingerprint() : ""}),
                      .measured_otherwise = {}};
  result.report.pi = plan.pricings.own.charge(plan.baseline.model);
  return result;
}

std::optional<train::Outcome> evaluate_baseline(FourSteps& plan, train::SignalWatch& signals) {
  const Json key = evaluation_key(plan);
  const auto& config = plan.baseline;
  if (config.train.threads > 0) at::set_num_threads(static_cast<int>(config.train.threads));
  model::Decoder decoder(config.model);
  train::load_weights(*decoder, checkpoint::load_weights(runs::find_checkpoint(plan.loaded)));
  train::set_arithmetic(config.train);
  decoder->to(train::use_device(config.train.device));
  decoder->eval();
  const auto corpus = train::open_corpus(config, "val");
  if (!config.train.other_tokenizer) {
    const auto model = train::tokenizer_of_model(runs::find_checkpoint(plan.loaded));
    tokenizer::require_same(model, corpus.tokenizer_identity(), "train.other_tokenizer=true");
  }
  std::optional<train::Outcome> signal;
  train::EvaluationOptions options;
  options.batch_size = config.evaluation_batch();
  options.batches = config.eval.batches;
  options.precision = config.train.dtype;
  options.progress = [&](std::int64_t done, std::int64_t all) {
    log::status(fmt::format("evaluated {} of {} contexts", done, all));
    signal = signals.pending();
    return !signal;
  };
  const auto evaluation = train::evaluate(decoder, corpus, options);
  log::status("");
  if (!evaluation) return signal;
  const Json loss = std::isfinite(evaluation->loss) ? Json(evaluation->loss) : Json();
  const Json json{{"evaluated", key},
                  {"loss", loss},
                  {"tokens", evaluation->tokens},
                  {"part", evaluation->is_of_a_part()}};
  plan.evaluated = json.dump(2) + "\n";
  return signal;
}

}  // namespace aero::pipeline
