#include "corpus_conflict.h"

#include "aero/checkpoint/run_folder.h"
#include "aero/core/error.h"
#include "aero/train/open_corpus.h"

#include <optional>

namespace aero::pipeline {
namespace {

std::optional<data::Corpus> corpus_of(RunConfig config) {
  config.data.verify = false;  // its headers suffice
  try {
    return train::open_corpus(config, "train");
  } catch (const Error&) {
    return std::nullopt;  // whoever trains on it says why
  }
}

std::optional<checkpoint::TrainingState> last_state(const checkpoint::RunFolder& run) {
  const auto latest = run.latest();
  if (!latest) return std::nullopt;
  try {
    return checkpoint::load_state(*latest);
  } catch (const Error&) {
    return std::nullopt;  // as does whoever resumes it
  }
}

}  // namespace

std::string corpus_conflict(const std::filesystem::path& folder, const RunConfig& config) {
  const auto state = last_state(checkpoint::RunFolder(folder));
  if (!state) return "";
  const auto corpus = corpus_of(config);
  if (!corpus || corpus->fingerprint() == state->data_fingerprint) return "";
  const bool same_tokenizer = state->tokenizer_sha256.empty() ||
                              state->tokenizer_sha256 == corpus->tokenizer_identity().sha256;
  return folder.string() + ": was trained on other data than " + config.data.path + " holds now (" +
         state->data_fingerprint + " there, " + corpus->fingerprint() + " here" +
         (same_tokenizer ? "" : ", by another tokenizer") +
         "), so that the two do not compare; put the corpus back, or remove " + folder.string();
}

}  // namespace aero::pipeline
