#include "aero/config/json_value.h"
#include "aero/core/text.h"
#include "aero/model/generation.h"
#include "aero/train/precision.h"

#include "cli/commands.h"
#include "cli/faults.h"
#include "cli/options.h"
#include "cli/torch/loaded_model.h"
#include "cli/torch/prompts.h"
#include "cli/torch/text_output.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

namespace aero::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// The number of texts, for as many prompts as fit into memory, fits into 64 bits.
constexpr IntegerRange text_counts{.low = 1, .high = 1'000'000'000};

struct GenerateOptions {
  std::string model;
  std::string prompt;
  std::optional<std::string> prompts;
  std::string ids;
  std::string tokenizer;
  std::string device;
  std::string dtype = "float32";
  model::GenerationOptions generation;
  std::int64_t seed = 0;
  std::int64_t samples = 1;
  std::int64_t batch = 16;
  bool other_tokenizer = false;
  bool no_cache = false;
  bool print_ids = false;
  bool json = false;
  bool times = false;

  TextFormat format() const {
    if (json) return TextFormat::json;
    return print_ids ? TextFormat::ids : TextFormat::text;
  }
};

/// The seconds that texts took.
class Times {
 public:
  /// A batch begins with the reading of its prompts, which ends when the first token is there.
  void begin(std::int64_t prompt_tokens) {
    prompt_tokens_ += prompt_tokens;
    start_ = Clock::now();
    reads_ = true;
  }

  void count_token(bool is_first_of_text) {
    if (reads_) reading_ += lap();
    reads_ = false;
    if (!is_first_of_text) ++tokens_;
  }

  void end() { (reads_ ? reading_ : drawing_) += lap(); }

  /// What drew the first token of a text is reading its prompt, so the rate leaves that token out.
  std::string text() const {
    const auto rate = drawing_ > 0 ? static_cast<double>(tokens_) / drawing_ : 0;
    return fmt::format(
        "{} prompt tokens read in {:.4f} s; {} tokens after the first of each text in {:.4f} s, "
        "{:.2f} tokens/s",
        prompt_tokens_, reading_, tokens_, drawing_, rate);
  }

 private:
  double lap() {
    const auto now = Clock::now();
    return std::chrono::duration<double>(now - std::exchange(start_, now)).count();
  }

  Clock::time_point start_;
  bool reads_ = false;
  double reading_ = 0;  // seconds
  double drawing_ = 0;
  std::int64_t prompt_tokens_ = 0;
  std::int64_t tokens_ = 0;
};

Prompt find_prompt(const GenerateOptions& options, const LoadedModel& model,
                   const std::optional<tokenizer::Tokenizer>& tokenizer) {
  const auto vocab_size = model.config.model.vocab_size;
  if (!options.ids.empty()) return {std::nullopt, parse_tokens(options.ids, vocab_size)};
  if (options.prompt.empty()) {
    if (const auto eos = tokenizer->eos()) return {"", {*eos}};
    throw UsageError(
        "generate: give a --prompt; the tokenizer has no end-of-text token to start from");
  }
  if (!is_utf8(options.prompt)) {
    throw UsageError(
        "generate: --prompt: is not UTF-8 text, and a corpus holds no other; convert it, for "
        "example with iconv, or give --ids");
  }
  return prompt_of_text(options.prompt, *tokenizer, vocab_size);
}

std::vector<Prompt> find_prompts(const GenerateOptions& options,
                                 const std::vector<std::string>& lines, const LoadedModel& model,
                                 const std::optional<tokenizer::Tokenizer>& tokenizer) {
  if (options.ids.empty() && !tokenizer) {
    throw UsageError(
        "generate: no tokenizer.json in the run folder; give --tokenizer FILE or --ids");
  }
  if (!options.prompts) return {find_prompt(options, model, tokenizer)};
  return prompts_of_lines(*options.prompts, lines, *tokenizer, model.config.model);
}

std::optional<tokenizer::Tokenizer> tokenizer_for(const GenerateOptions& options,
                                                  const LoadedModel& model) {
  if (options.ids.empty()) {
    return find_tokenizer(model, options.tokenizer, options.other_tokenizer);
  }
  return find_optional_tokenizer(model, options.tokenizer, options.other_tokenizer,
                                 "token ids are printed, and no end-of-text token ends them");
}

/// Continues the prompts together. The first text draws with the seed of `generation`.
void write_batch(LoadedModel& model, const std::vector<Prompt>& prompts,
                 const model::GenerationOptions& generation, TextWriter& writer, Times& times) {
  std::vector<model::TokenIds> tokens;
  std::int64_t count = 0;
  for (const auto& prompt : prompts) {
    tokens.push_back(prompt.tokens);
    count += std::ssize(prompt.tokens);
  }
  OrderedOutput output(writer, prompts, generation.sampling.seed);
  std::vector<bool> has_tokens(prompts.size());
  model::TextEvents events;
  events.on_token = [&](std::size_t text, std::int64_t token) {
    times.count_token(!has_tokens[text]);
    has_tokens[text] = true;
    output.add(text, token);
    return true;
  };
  events.on_end = [&](std::size_t text) { output.end(text); };
  times.begin(count);
  model::generate_together(model.decoder, tokens, generation, events);
  times.end();
}

void run_generate(const GenerateOptions& options) {
  std::vector<std::string> lines;
  if (options.prompts) lines = read_prompt_lines(*options.prompts);
  auto model = load_model(options.model, options.device);
  const auto tokenizer = tokenizer_for(options, model);
  const auto prompts = find_prompts(options, lines, model, tokenizer);
  auto generation = options.generation;
  generation.use_cache = !options.no_cache;
  if (tokenizer) generation.stop_token = tokenizer->eos();
  const auto writer = make_writer(options.format(), tokenizer);
  // One guard for all texts: the weights are cast once.
  const train::AutocastGuard autocast(model.decoder->device(), options.dtype == "bfloat16"
                                                                   ? Precision::bfloat16
                                                                   : Precision::float32);
  Times times;
  const auto count = std::ssize(prompts) * options.samples;
  for (std::int64_t first = 0; first < count; first += options.batch) {
    std::vector<Prompt> batch;
    for (auto i = first; i < std::min(first + options.batch, count); ++i) {
      batch.push_back(prompts[static_cast<std::size_t>(i / options.samples)]);
    }
    generation.sampling.seed =
        static_cast<std::uint64_t>(options.seed) + static_cast<std::uint64_t>(first);
    within_memory(
        [&] { write_batch(model, batch, generation, *writer, times); },
        [&] { return fmt::format("a smaller --batch than {} needs less", options.batch); });
  }
  if (options.times) std::cerr << times.text() << "\n";
}

}  // namespace

void add_generate(CLI::App& app) {
  auto options = std::make_shared<GenerateOptions>();
  auto& generation = options->generation;
  auto* command = add_command(app, "generate");
  command->add_option("model", options->model, "Run folder or checkpoint folder")->required();
  auto* prompt =
      command->add_option("--prompt", options->prompt,
                          "Text to continue, read as in a corpus (give special tokens by --ids); "
                          "without it, the text starts from the end-of-text token");
  auto* prompts = command->add_option("--prompts", options->prompts,
                                      "File with one prompt a line; -: standard input");
  prompts->excludes(prompt)->type_name("FILE");
  command->add_option("--ids", options->ids, "Token ids to continue: 1,2,3")
      ->excludes(prompt)
      ->excludes(prompts);
  command->add_option("--tokenizer", options->tokenizer,
                      "tokenizer.json; without it, the run's own");
  add_integer(*command, "--max-tokens", generation.max_tokens, at_least_one,
              "Number of new tokens at most");
  add_number(*command, "--temperature", generation.sampling.temperature, {.low = 0},
             "Scale of randomness; 0: take the most likely token");
  add_integer(*command, "--top-k", generation.sampling.top_k, not_negative,
              "Draw from the N most likely; 0: from all");
  add_number(*command, "--top-p", generation.sampling.top_p, {.low = 0, .high = 1},
             "Draw from the fewest tokens that hold this much probability");
  add_integer(*command, "--seed", options->seed, not_negative, "The same seed draws the same text");
  add_integer(*command, "--samples", options->samples, text_counts,
              "Texts of each prompt, with seeds that follow --seed");
  add_integer(*command, "--batch", options->batch, batch_sizes, "Texts at once at most");
  command->add_option("--device", options->device, "cpu, cuda or cuda:N");
  add_choice(*command, "--dtype", options->dtype, {"float32", "bfloat16"}, "Precision of products");
  command->add_flag(other_tokenizer_flag, options->other_tokenizer,
                    "Accept a tokenizer other than the model's");
  command->add_flag("--no-cache", options->no_cache, "Recompute every position for each token");
  auto* ids =
      command->add_flag("--print-ids", options->print_ids, "Print token ids instead of text");
  command->add_flag("--json", options->json, "Print a JSON object a line for each text")
      ->excludes(ids);
  command->add_flag("--times", options->times, "Say on standard error how long it took");
  command->footer(
      "Examples:\n"
      "  aero generate runs/mine --prompt 'Once' --temperature 0.8\n"
      "  aero generate runs/mine --prompts prompts.txt --json --times");
  command->callback([options] { run_generate(*options); });
}

}  // namespace aero::cli
