#include "aero/config/json_value.h"
#include "aero/core/text.h"
#include "aero/model/sampler.h"

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/torch/loaded_model.h"

#include <cstdint>
#include <iostream>
#include <memory>

namespace aero::cli {
namespace {

struct GenerateOptions {
  std::string model;
  std::string prompt;
  std::string ids;
  std::string tokenizer;
  std::string device;
  model::GenerationOptions generation;
  std::int64_t seed = 0;
  std::int64_t samples = 1;
  bool other_tokenizer = false;
  bool no_cache = false;
  bool print_ids = false;
};

/// Writes text as its tokens come, and holds back a character until all its bytes are there.
class TextStream {
 public:
  explicit TextStream(const tokenizer::Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void add(std::int64_t token) {
    tokens_.push_back(token);
    const auto text = tokenizer_.decode(tokens_);
    if (text.ends_with("\xEF\xBF\xBD")) return;
    flush();
  }

  void flush() {
    std::cout << tokenizer_.decode(tokens_) << std::flush;
    tokens_.clear();
  }

 private:
  const tokenizer::Tokenizer& tokenizer_;
  std::vector<std::int64_t> tokens_;
};

std::vector<std::int64_t> find_prompt(const GenerateOptions& options, const LoadedModel& model,
                                      const std::optional<tokenizer::Tokenizer>& tokenizer) {
  const auto vocab_size = model.config.model.vocab_size;
  if (!options.ids.empty()) return parse_tokens(options.ids, vocab_size);
  if (!tokenizer) {
    throw UsageError(
        "generate: no tokenizer.json in the run folder; give --tokenizer FILE or --ids");
  }
  if (options.prompt.empty()) {
    if (const auto eos = tokenizer->eos()) return {*eos};
    throw UsageError(
        "generate: give a --prompt; the tokenizer has no end-of-text token to start from");
  }
  if (!is_utf8(options.prompt)) {
    throw UsageError(
        "generate: --prompt: is not UTF-8 text, and a corpus holds no other; convert it, for "
        "example with iconv, or give --ids");
  }
  auto tokens = tokenizer->encode(options.prompt, tokenizer::SpecialNames::text);
  for (const auto token : tokens) {
    if (token >= vocab_size) {
      throw UsageError(fmt::format(
          "generate: the tokenizer has ids beyond the model's vocabulary of {}; it is not the "
          "tokenizer of this model",
          vocab_size));
    }
  }
  return tokens;
}

/// Writes each token as it comes, so that the command ends when its reader has left.
void write_ids(LoadedModel& model, const std::vector<std::int64_t>& prompt,
               const model::GenerationOptions& generation) {
  bool is_first = true;
  model::generate(model.decoder, prompt, generation, [&](std::int64_t token) {
    std::cout << (is_first ? "" : " ") << token << std::flush;
    is_first = false;
    return true;
  });
  std::cout << "\n";
}

void write_text(LoadedModel& model, const tokenizer::Tokenizer& tokenizer,
                const std::vector<std::int64_t>& prompt,
                const model::GenerationOptions& generation) {
  TextStream stream(tokenizer);
  model::generate(model.decoder, prompt, generation, [&](std::int64_t token) {
    stream.add(token);
    return true;
  });
  stream.flush();
  std::cout << "\n";
}

std::optional<tokenizer::Tokenizer> tokenizer_for(const GenerateOptions& options,
                                                  const LoadedModel& model) {
  if (options.ids.empty()) {
    return find_tokenizer(model, options.tokenizer, options.other_tokenizer);
  }
  return find_optional_tokenizer(model, options.tokenizer, options.other_tokenizer,
                                 "token ids are printed, and no end-of-text token ends them");
}

void run_generate(const GenerateOptions& options) {
  auto model = load_model(options.model, options.device);
  const auto tokenizer = tokenizer_for(options, model);
  const auto prompt = find_prompt(options, model, tokenizer);
  auto generation = options.generation;
  generation.sampling.seed = static_cast<std::uint64_t>(options.seed);
  generation.use_cache = !options.no_cache;
  if (tokenizer) generation.stop_token = tokenizer->eos();
  for (std::int64_t i = 0; i < options.samples; ++i) {
    if (!tokenizer || options.print_ids) {
      write_ids(model, prompt, generation);
    } else {
      if (i > 0) std::cout << "\n----\n";
      std::cout << options.prompt << std::flush;
      write_text(model, *tokenizer, prompt, generation);
    }
    ++generation.sampling.seed;
  }
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
  command->add_option("--ids", options->ids, "Token ids to continue: 1,2,3")->excludes(prompt);
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
  add_integer(*command, "--samples", options->samples, at_least_one,
              "Texts to draw, with seeds that follow --seed");
  command->add_option("--device", options->device, "cpu, cuda or cuda:N");
  command->add_flag(other_tokenizer_flag, options->other_tokenizer,
                    "Accept a tokenizer other than the model's");
  command->add_flag("--no-cache", options->no_cache, "Recompute every position for each token");
  command->add_flag("--print-ids", options->print_ids, "Print token ids instead of text");
  command->footer(
      "Examples:\n"
      "  aero generate runs/mine --prompt 'Once' --temperature 0.8\n"
      "  aero generate runs/mine --ids 1,2,3 --max-tokens 20 --seed 7");
  command->callback([options] { run_generate(*options); });
}

}  // namespace aero::cli
