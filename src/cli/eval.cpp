#include "aero/core/log.h"
#include "aero/train/evaluation.h"
#include "aero/train/model_tokenizer.h"
#include "aero/train/open_corpus.h"

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/loaded_model.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <memory>
#include <numbers>

namespace aero::cli {
namespace {

struct EvalOptions {
  std::string model;
  std::string split = "val";
  std::string data;
  std::string tokenizer;
  std::string device;
  std::int64_t stride = 0;
  std::int64_t batch_size = 0;
  std::int64_t batches = 0;
  bool other_tokenizer = false;
  bool json = false;
};

void print_json(const LoadedModel& model, const EvalOptions& options,
                const train::Evaluation& evaluation) {
  nlohmann::ordered_json json{{"checkpoint", model.checkpoint.string()},
                              {"split", options.split},
                              {"stride", options.stride},
                              {"loss", evaluation.loss},
                              {"perplexity", evaluation.perplexity()},
                              {"tokens", evaluation.tokens},
                              {"characters", nullptr},
                              {"loss_per_character", nullptr},
                              {"bits_per_character", nullptr}};
  if (evaluation.characters > 0) {
    json["characters"] = evaluation.characters;
    json["loss_per_character"] = evaluation.loss_per_character();
    json["bits_per_character"] = evaluation.loss_per_character() / std::numbers::ln2;
  }
  std::cout << json.dump(2) << "\n";
}

void print_text(const LoadedModel& model, const EvalOptions& options,
                const train::Evaluation& evaluation) {
  std::printf("checkpoint          %s\n", model.checkpoint.c_str());
  std::printf("split               %s, %lld tokens predicted\n", options.split.c_str(),
              static_cast<long long>(evaluation.tokens));
  std::printf("loss                %.6f nats a token\n", evaluation.loss);
  std::printf("perplexity          %.4f\n", evaluation.perplexity());
  if (evaluation.characters == 0) return;
  std::printf("loss per character  %.6f nats (%.6f bits)\n", evaluation.loss_per_character(),
              evaluation.loss_per_character() / std::numbers::ln2);
  std::printf("perplexity by character  %.4f\n", std::exp(evaluation.loss_per_character()));
}

/// Of the given tokenizer, else of the corpus's own, else of the one that the run keeps.
std::filesystem::path tokenizer_file(const LoadedModel& model, const EvalOptions& options,
                                     const data::Corpus& corpus) {
  if (!options.tokenizer.empty()) return options.tokenizer;
  const auto& own = corpus.tokenizer();
  if (own && own->path.extension() == ".json" && std::filesystem::exists(own->path)) {
    return own->path;
  }
  return find_tokenizer_file(model.checkpoint);
}

/// By token; empty where no tokenizer is known.
std::vector<std::int32_t> character_counts(const LoadedModel& model, const EvalOptions& options,
                                           const data::Corpus& corpus) {
  const auto file = tokenizer_file(model, options, corpus);
  if (file.empty()) return {};
  if (!options.other_tokenizer) {
    data::require_same_tokenizer(corpus.tokenizer_identity(), data::identity_of_tokenizer(file),
                                 other_tokenizer_flag);
  }
  const auto tokenizer = data::Tokenizer::load(file);
  auto counts = tokenizer.character_counts();
  const auto size = std::max(tokenizer.vocab_size(), model.config.model.vocab_size);
  counts.resize(static_cast<std::size_t>(size));
  const auto eos = corpus.tokenizer() ? corpus.tokenizer()->eos_id : std::nullopt;
  if (eos && *eos < size) counts[static_cast<std::size_t>(*eos)] = 0;
  return counts;
}

void run_eval(const EvalOptions& options) {
  auto model = load_model(options.model, options.device);
  if (!options.data.empty()) model.config.data.path = options.data;
  const auto corpus = train::open_corpus(model.config, options.split);
  if (!options.other_tokenizer) {
    data::require_same_tokenizer(train::tokenizer_of_model(model.checkpoint),
                                 corpus.tokenizer_identity(), other_tokenizer_flag);
  }

  train::EvaluationOptions evaluation;
  evaluation.batch_size = options.batch_size > 0             ? options.batch_size
                          : model.config.eval.batch_size > 0 ? model.config.eval.batch_size
                                                             : model.config.train.batch_size;
  evaluation.batches = options.batches;
  evaluation.stride = options.stride;
  evaluation.precision = model.config.train.dtype;
  evaluation.character_counts = character_counts(model, options, corpus);
  evaluation.progress = [](std::int64_t done, std::int64_t all) {
    log::status("evaluated " + std::to_string(done) + " of " + std::to_string(all) + " contexts");
    return true;
  };
  const auto result = train::evaluate(model.decoder, corpus, evaluation);
  log::status("");
  if (options.json) {
    print_json(model, options, *result);
  } else {
    print_text(model, options, *result);
  }
}

}  // namespace

void add_eval(CLI::App& app) {
  auto options = std::make_shared<EvalOptions>();
  auto* command = app.add_subcommand("eval", "Mean loss and perplexity of a model over a split");
  command->add_option("model", options->model, "Run folder or checkpoint folder")->required();
  command->add_option("--split", options->split, "Split of the corpus: val or train");
  command->add_option("--data", options->data,
                      "Corpus; without it, the one the model was trained on");
  command->add_option("--tokenizer", options->tokenizer,
                      "tokenizer.json for the loss per character; without it, the run's own");
  command->add_option(
      "--stride", options->stride,
      "Slide the context by this many tokens and score only those; 0: separate contexts");
  command->add_option("--batch-size", options->batch_size, "Contexts in one forward pass")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--batches", options->batches, "Stop after so many batches; 0: the whole split")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--device", options->device, "cpu, cuda or cuda:N");
  command->add_flag(other_tokenizer_flag, options->other_tokenizer,
                    "Take a corpus or a tokenizer other than the model's");
  command->add_flag("--json", options->json, "Print one JSON object");
  command->callback([options] { run_eval(*options); });
}

}  // namespace aero::cli
