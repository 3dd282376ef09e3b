#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/train/evaluation.h"

#include "cli/commands.h"
#include "cli/faults.h"
#include "cli/options.h"
#include "cli/torch/loaded_model.h"
#include "cli/write_json.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
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

/// The number of contexts in an evaluation of the whole split.
std::int64_t count_contexts(const data::Corpus& corpus, std::int64_t stride) {
  if (stride == 0) return corpus.size();
  return (corpus.tokens() - corpus.context() - 1) / stride + 1;
}

void print_json(const LoadedModel& model, const EvalOptions& options,
                const train::Evaluation& evaluation, std::int64_t split_contexts, double seconds) {
  nlohmann::ordered_json json{{"checkpoint", model.checkpoint.string()},
                              {"split", options.split},
                              {"stride", options.stride},
                              {"loss", evaluation.loss},
                              {"perplexity", evaluation.perplexity()},
                              {"tokens", evaluation.tokens},
                              {"contexts", evaluation.samples},
                              {"split_contexts", split_contexts},
                              {"characters", nullptr},
                              {"loss_per_character", nullptr},
                              {"bits_per_character", nullptr},
                              {"seconds", seconds}};
  if (evaluation.characters > 0) {
    json["characters"] = evaluation.characters;
    json["loss_per_character"] = evaluation.loss_per_character();
    json["bits_per_character"] = evaluation.loss_per_character() / std::numbers::ln2;
  }
  write_json(json);
}

void print_text(const LoadedModel& model, const EvalOptions& options,
                const train::Evaluation& evaluation, std::int64_t split_contexts) {
  std::cout << fmt::format("checkpoint          {}\n", model.checkpoint.string());
  std::cout << fmt::format("split               {}, {} tokens predicted\n", options.split,
                           evaluation.tokens);
  if (evaluation.samples < split_contexts) {
    std::cout << fmt::format("part                the first {} of {} contexts (--batches)\n",
                             evaluation.samples, split_contexts);
  }
  std::cout << fmt::format("loss                {:.6f} nats a token\n", evaluation.loss);
  std::cout << fmt::format("perplexity          {:.4f}\n", evaluation.perplexity());
  if (evaluation.characters == 0) return;
  std::cout << fmt::format("loss per character  {:.6f} nats ({:.6f} bits)\n",
                           evaluation.loss_per_character(),
                           evaluation.loss_per_character() / std::numbers::ln2);
  std::cout << fmt::format("perplexity by character  {:.4f}\n",
                           std::exp(evaluation.loss_per_character()));
}

/// The file of the given tokenizer, else of the corpus's tokenizer, else of the run's copy.
std::filesystem::path tokenizer_file(const LoadedModel& model, const EvalOptions& options,
                                     const data::Corpus& corpus) {
  if (!options.tokenizer.empty()) return options.tokenizer;
  const auto& own = corpus.tokenizer();
  if (own && own->path.extension() == ".json" && std::filesystem::exists(own->path)) {
    return own->path;
  }
  return find_tokenizer_file(model.checkpoint);
}

/// The number of characters of each token. Empty, after a warning, where `file` does not yield
/// them: the loss per token does not need them. A file that the user has named must at least be a
/// tokenizer.
std::vector<std::int32_t> counts_of(const std::filesystem::path& file, bool is_named) {
  std::optional<tokenizer::Tokenizer> tokenizer;
  try {
    tokenizer = tokenizer::Tokenizer::load(file);
    return tokenizer->character_counts();
  } catch (const Error& error) {
    if (is_named && !tokenizer) throw;
    log::warn(fmt::format("the loss per character is left out: {}", error.what()));
    return {};
  }
}

/// The number of characters of each token; empty where no tokenizer is known.
std::vector<std::int32_t> character_counts(const LoadedModel& model, const EvalOptions& options,
                                           const data::Corpus& corpus) {
  const auto file = tokenizer_file(model, options, corpus);
  if (file.empty()) return {};
  if (!options.other_tokenizer) {
    tokenizer::require_same(corpus.tokenizer_identity(), tokenizer::identity_of(file),
                            other_tokenizer_flag);
  }
  auto counts = counts_of(file, /*is_named=*/!options.tokenizer.empty());
  if (counts.empty()) return {};
  const auto vocabulary = static_cast<std::size_t>(model.config.model.vocab_size);
  counts.resize(std::max(counts.size(), vocabulary));
  const auto eos = corpus.tokenizer() ? corpus.tokenizer()->eos_id : std::nullopt;
  if (eos && static_cast<std::size_t>(*eos) < counts.size()) {
    counts[static_cast<std::size_t>(*eos)] = 0;
  }
  return counts;
}

void run_eval(const EvalOptions& options) {
  auto model = load_model(options.model, options.device);
  const auto corpus = open_split(model, options.data, options.split, options.other_tokenizer);

  train::EvaluationOptions evaluation;
  evaluation.batch_size =
      options.batch_size > 0 ? options.batch_size : model.config.evaluation_batch();
  evaluation.batches = options.batches;
  evaluation.stride = options.stride;
  evaluation.precision = model.config.train.dtype;
  evaluation.character_counts = character_counts(model, options, corpus);
  evaluation.progress = [](std::int64_t done, std::int64_t all) {
    log::status(fmt::format("evaluated {} of {} contexts", done, all));
    return true;
  };
  const auto start = std::chrono::steady_clock::now();
  const auto result = within_memory(
      [&] { return train::evaluate(model.decoder, corpus, evaluation); },
      [&] {
        return fmt::format("a smaller --batch-size than {} needs less", evaluation.batch_size);
      });
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  log::status("");
  const auto split_contexts = count_contexts(corpus, options.stride);
  if (options.json) {
    print_json(model, options, *result, split_contexts, taken.count());
  } else {
    print_text(model, options, *result, split_contexts);
  }
}

}  // namespace

void add_eval(CLI::App& app) {
  auto options = std::make_shared<EvalOptions>();
  auto* command = add_command(app, "eval");
  command->add_option("model", options->model, "Run folder or checkpoint folder")->required();
  add_choice(*command, "--split", options->split, {"val", "train"}, "Split of the corpus");
  command->add_option("--data", options->data,
                      "Corpus folder; without it, the corpus that the model was trained on");
  command->add_option("--tokenizer", options->tokenizer,
                      "tokenizer.json for the loss per character; without it, the run's own");
  add_integer(*command, "--stride", options->stride, not_negative,
              "Slide the context by this many tokens and score only those; 0: separate contexts");
  add_integer(*command, "--batch-size", options->batch_size, batch_sizes,
              "Contexts in one forward pass; without it, as many as in training")
      ->default_str("");
  add_integer(*command, "--batches", options->batches, batch_counts,
              "Stop after N batches; 0: evaluate the whole split");
  command->add_option("--device", options->device, "cpu, cuda or cuda:N");
  command->add_flag(other_tokenizer_flag, options->other_tokenizer,
                    "Accept a corpus or a tokenizer other than the model's");
  command->add_flag("--json", options->json, "Print one JSON object");
  command->footer(
      "Examples:\n"
      "  aero eval runs/mine\n"
      "  aero eval runs/mine --stride 8 --json\n"
      "  aero eval runs/mine --split train --batches 20");
  command->callback([options] { run_eval(*options); });
}

}  // namespace aero::cli
