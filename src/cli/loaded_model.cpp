#include "cli/loaded_model.h"

#include "aero/checkpoint/run_folder.h"
#include "aero/core/error.h"
#include "aero/train/model_tokenizer.h"
#include "aero/train/precision.h"
#include "aero/train/trainer.h"

#include <charconv>

namespace aero::cli {

LoadedModel load_model(const std::filesystem::path& run_or_checkpoint, const std::string& device,
                       torch::ScalarType dtype) {
  const auto folder = checkpoint::find_checkpoint(run_or_checkpoint);
  auto config = checkpoint::load_checkpoint_config(folder);
  if (!device.empty()) config.train.device = device;
  model::Decoder decoder(config.model);
  decoder->to(dtype);  // before the weights, which may be wider than float32
  train::load_weights(*decoder, checkpoint::load_weights(folder));
  decoder->to(train::find_device(config.train.device));
  decoder->eval();
  return {folder, std::move(config), std::move(decoder)};
}

std::filesystem::path find_tokenizer_file(const std::filesystem::path& checkpoint) {
  const auto run = std::filesystem::absolute(checkpoint).parent_path().parent_path();
  for (const auto& folder : {checkpoint, run}) {
    if (std::filesystem::exists(folder / "tokenizer.json")) return folder / "tokenizer.json";
  }
  return {};
}

std::optional<data::Tokenizer> find_tokenizer(const LoadedModel& model, const std::string& file,
                                              bool may_be_other) {
  std::filesystem::path path = file;
  if (path.empty()) path = find_tokenizer_file(model.checkpoint);
  if (path.empty()) return std::nullopt;
  if (!may_be_other) {
    data::require_same_tokenizer(train::tokenizer_of_model(model.checkpoint),
                                 data::identity_of_tokenizer(path), other_tokenizer_flag);
  }
  return data::Tokenizer::load(path);
}

std::vector<std::int64_t> parse_tokens(const std::string& text, std::int64_t vocab_size) {
  constexpr const char* separators = ", \t\r\n";
  std::vector<std::int64_t> tokens;
  for (auto start = text.find_first_not_of(separators); start != std::string::npos;) {
    const auto end = std::min(text.find_first_of(separators, start), text.size());
    const auto word = text.substr(start, end - start);
    std::int64_t token = 0;
    const auto [stop, fault] = std::from_chars(word.data(), word.data() + word.size(), token);
    if (fault != std::errc() || stop != word.data() + word.size() || token < 0 ||
        token >= vocab_size) {
      throw UsageError("\"" + word + "\" is no token id; ids are whole numbers from 0 to " +
                       std::to_string(vocab_size - 1));
    }
    tokens.push_back(token);
    start = text.find_first_not_of(separators, end);
  }
  return tokens;
}

}  // namespace aero::cli
