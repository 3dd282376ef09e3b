#include "cli/torch/loaded_model.h"

#include "aero/config/checks.h"
#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/core/log.h"
#include "aero/core/numbers.h"
#include "aero/core/text.h"
#include "aero/cost/parameters.h"
#include "aero/report/format.h"
#include "aero/runs/find_checkpoint.h"
#include "aero/train/load_weights.h"
#include "aero/train/model_tokenizer.h"
#include "aero/train/open_corpus.h"
#include "aero/train/precision.h"
#include "aero/train/trainer.h"

#include "cli/faults.h"

#include <cstdint>
#include <sstream>

namespace aero::cli {
namespace {

void set_device(RunConfig& config, const std::string& device) {
  config.train.device = device;
  if (find_faults(config).empty()) return;
  throw UsageError(fmt::format("--device: {}: unknown device; write auto, cpu, cuda or cuda:N",
                               shortened(device)));
}

/// Refuses integers, which would otherwise be converted silently.
void check_types(const checkpoint::TensorMap& weights) {
  for (const auto& [name, tensor] : weights) {
    if (tensor.is_floating_point()) continue;
    throw Error(fmt::format("weights: \"{}\" is of type {}, and weights are floating-point numbers",
                            name, c10::toString(tensor.scalar_type())));
  }
}

}  // namespace

void load_into(model::DecoderImpl& decoder, const checkpoint::TensorMap& weights,
               const std::filesystem::path& folder) {
  try {
    check_types(weights);
    train::load_weights(decoder, weights);
  } catch (const Error& error) {
    throw Error(fmt::format("'{}': {}", folder.string(), error.what()));
  }
}

LoadedModel load_model(const std::filesystem::path& run_or_checkpoint, const std::string& device,
                       torch::ScalarType dtype) {
  const auto folder = runs::find_checkpoint(run_or_checkpoint);
  auto config = checkpoint::load_checkpoint_config(folder);
  if (!device.empty()) set_device(config, device);
  auto decoder = within_memory(
      [&] {
        model::Decoder result(config.model);
        result->to(dtype);  // before the weights, which may be wider than float32
        load_into(*result, checkpoint::load_weights(folder), folder);
        result->to(train::use_device(config.train.device));
        result->eval();
        return result;
      },
      [&] {
        return fmt::format("the model of '{}' has {} parameters, of 4 bytes each or more",
                           folder.string(),
                           report::with_thousands(cost::count_parameters(config.model).total()));
      });
  return {folder, std::move(config), std::move(decoder)};
}

std::filesystem::path find_tokenizer_file(const std::filesystem::path& checkpoint,
                                          const std::string& name) {
  if (std::filesystem::exists(checkpoint / name)) return checkpoint / name;
  const auto run = runs::run_around(checkpoint);
  return run && std::filesystem::exists(*run / name) ? *run / name : std::filesystem::path();
}

std::optional<tokenizer::Tokenizer> find_tokenizer(const LoadedModel& model,
                                                   const std::string& file, bool may_be_other) {
  std::filesystem::path path = file;
  if (path.empty()) path = find_tokenizer_file(model.checkpoint);
  if (path.empty()) return std::nullopt;
  if (!may_be_other) {
    tokenizer::require_same(train::tokenizer_of_model(model.checkpoint),
                            tokenizer::identity_of(path), other_tokenizer_flag);
  }
  return tokenizer::Tokenizer::load(path);
}

std::optional<tokenizer::Tokenizer> find_optional_tokenizer(const LoadedModel& model,
                                                            const std::string& file,
                                                            bool may_be_other,
                                                            const std::string& left_out) {
  if (!file.empty()) return find_tokenizer(model, file, may_be_other);
  try {
    return find_tokenizer(model, file, may_be_other);
  } catch (const Error& error) {
    log::warn(fmt::format("{}: {}", left_out, error.what()));
    return std::nullopt;
  }
}

data::Corpus open_split(LoadedModel& model, const std::string& path, const std::string& split,
                        bool may_be_other) {
  if (!path.empty()) {
    model.config.data.path = path;
  } else if (!std::filesystem::exists(model.config.data.path)) {
    throw UsageError(fmt::format(
        "the model was trained on data.path \"{}\", which is not there, at least as seen from "
        "this folder; name the corpus with --data FOLDER",
        model.config.data.path));
  }
  auto corpus = train::open_corpus(model.config, split);
  if (!may_be_other) {
    tokenizer::require_same(train::tokenizer_of_model(model.checkpoint),
                            corpus.tokenizer_identity(), other_tokenizer_flag);
  }
  return corpus;
}

std::vector<std::int64_t> parse_tokens(const std::string& text, std::int64_t vocab_size) {
  std::vector<std::int64_t> tokens;
  bool has_comma = false;  // before this piece
  std::istringstream pieces(text);
  for (std::string piece; std::getline(pieces, piece, ',') || has_comma;) {
    const bool is_last = pieces.eof();
    const auto before = tokens.size();
    std::istringstream words(piece);
    for (std::string word; words >> word;) {
      const auto token = integer_from(word);
      if (!token || *token < 0 || *token >= vocab_size) {
        throw UsageError(fmt::format("\"{}\" is no token id; ids are whole numbers from 0 to {}",
                                     shortened(word), vocab_size - 1));
      }
      tokens.push_back(*token);
    }
    if (tokens.size() == before && (has_comma || !is_last)) {
      throw UsageError(
          fmt::format("\"{}\": a token id is missing beside a comma", shortened(text)));
    }
    has_comma = !is_last;
  }
  return tokens;
}

}  // namespace aero::cli
