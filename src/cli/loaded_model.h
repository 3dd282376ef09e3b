#pragma once

#include "aero/checkpoint/run_folder.h"
#include "aero/config/run_config.h"
#include "aero/data/corpus.h"
#include "aero/model/decoder.h"
#include "aero/tokenizer/tokenizer.h"

#include <filesystem>
#include <optional>
#include <string>

namespace aero::cli {

/// A trained model as eval, generate and inspect take it.
struct LoadedModel {
  std::filesystem::path checkpoint;
  RunConfig config;
  model::Decoder decoder;
};

/// `run_or_checkpoint`: a run folder (its best checkpoint, else its latest) or a checkpoint folder.
/// `device`: empty takes the config's. `dtype` is what its weights are computed with.
LoadedModel load_model(const std::filesystem::path& run_or_checkpoint,
                       const std::string& device = "", torch::ScalarType dtype = torch::kFloat32);

/// Fills `decoder` with the weights of a checkpoint folder. Throws Error that names the folder and
/// the parameter that is missing, foreign, of another shape or no floating-point number.
void load_into(model::DecoderImpl& decoder, const checkpoint::TensorMap& weights,
               const std::filesystem::path& folder);

/// tokenizer.json, or another name, in the checkpoint, else of the run whose checkpoint it is;
/// empty where there is none.
std::filesystem::path find_tokenizer_file(const std::filesystem::path& checkpoint,
                                          const std::string& name = "tokenizer.json");

/// Lets a tokenizer, or a corpus of a tokenizer, meet a model that has learned the ids of another.
inline constexpr const char* other_tokenizer_flag = "--other-tokenizer";

/// tokenizer.json of `file` where given, else as find_tokenizer_file(). Nothing
/// where there is none; throws Error when `file` cannot be read, UsageError when it is not the
/// model's tokenizer and `may_be_other` is not set.
std::optional<tokenizer::Tokenizer> find_tokenizer(const LoadedModel& model,
                                                   const std::string& file, bool may_be_other);

/// The same for work that can do without: where the model's own cannot be used, a warning says what
/// is `left_out` and why.
std::optional<tokenizer::Tokenizer> find_optional_tokenizer(const LoadedModel& model,
                                                            const std::string& file,
                                                            bool may_be_other,
                                                            const std::string& left_out);

/// A split of `path`, or where that is empty of the corpus that the model was trained on. Throws
/// UsageError that names --data where that is not there, and where its tokenizer is not the model's
/// unless `may_be_other` is set.
data::Corpus open_split(LoadedModel& model, const std::string& path, const std::string& split,
                        bool may_be_other);

/// "1,2,3" or "1 2 3". Throws UsageError for what is no token of the vocabulary.
std::vector<std::int64_t> parse_tokens(const std::string& text, std::int64_t vocab_size);

}  // namespace aero::cli
