#pragma once

#include "aero/checkpoint/run_folder.h"
#include "aero/config/run_config.h"
#include "aero/data/corpus.h"
#include "aero/model/decoder.h"
#include "aero/tokenizer/tokenizer.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace aero::cli {

/// A trained model, loaded for eval, generate or inspect.
struct LoadedModel {
  std::filesystem::path checkpoint;
  RunConfig config;
  model::Decoder decoder;
};

/// Loads a checkpoint. `run_or_checkpoint` is a checkpoint folder, or a run folder, of which it
/// loads the best checkpoint, else the latest. An empty `device` means the config's. The model
/// computes in `dtype`.
LoadedModel load_model(const std::filesystem::path& run_or_checkpoint,
                       const std::string& device = "", torch::ScalarType dtype = torch::kFloat32);

/// Fills `decoder` with the weights of a checkpoint folder. Throws an Error that names the folder
/// and the parameter where one is missing, unknown, of another shape or not of floating-point
/// numbers.
void load_into(model::DecoderImpl& decoder, const checkpoint::TensorMap& weights,
               const std::filesystem::path& folder);

/// Finds the file `name` in the checkpoint folder, else in the folder of its run; empty where
/// neither has it.
std::filesystem::path find_tokenizer_file(const std::filesystem::path& checkpoint,
                                          const std::string& name = "tokenizer.json");

/// The flag by which a user combines a model with a tokenizer, or with a corpus of a tokenizer,
/// that is not the one the model was trained with.
inline constexpr const char* other_tokenizer_flag = "--other-tokenizer";

/// Loads the tokenizer in `file`, or where that is empty the one that find_tokenizer_file() finds.
/// Returns nothing where there is none. Throws Error when the file cannot be read, and UsageError
/// when it is not the model's tokenizer, unless `may_be_other` is set.
std::optional<tokenizer::Tokenizer> find_tokenizer(const LoadedModel& model,
                                                   const std::string& file, bool may_be_other);

/// The same for work that needs no tokenizer: where the model's own cannot be used, logs a warning
/// that says what is `left_out` and why.
std::optional<tokenizer::Tokenizer> find_optional_tokenizer(const LoadedModel& model,
                                                            const std::string& file,
                                                            bool may_be_other,
                                                            const std::string& left_out);

/// Opens a split of the corpus in `path`, or where that is empty of the corpus that the model was
/// trained on. Throws a UsageError that names --data where that corpus is not there, and a
/// UsageError where the corpus's tokenizer is not the model's, unless `may_be_other` is set.
data::Corpus open_split(LoadedModel& model, const std::string& path, const std::string& split,
                        bool may_be_other);

/// Reads "1,2,3" or "1 2 3". Throws a UsageError for anything that is not a token of the
/// vocabulary.
std::vector<std::int64_t> parse_tokens(const std::string& text, std::int64_t vocab_size);

}  // namespace aero::cli
