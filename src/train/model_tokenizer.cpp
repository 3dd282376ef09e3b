#include "aero/train/model_tokenizer.h"

#include "aero/checkpoint/run_folder.h"
#include "aero/runs/find_checkpoint.h"

#include <array>

namespace aero::train {
namespace {

namespace fs = std::filesystem;

/// Hashes the tokenizer's file, tokenizer.json or tokenizer.model; empty where there is none.
std::string hash_of_kept_file(const fs::path& checkpoint) {
  for (const auto& folder : {checkpoint, runs::run_around(checkpoint).value_or(checkpoint)}) {
    for (const char* name : {"tokenizer.json", "tokenizer.model"}) {
      if (fs::exists(folder / name)) return tokenizer::identity_of(folder / name).sha256;
    }
  }
  return "";
}

}  // namespace

tokenizer::Identity tokenizer_of_model(const fs::path& checkpoint) {
  tokenizer::Identity identity{"", "the model " + checkpoint.string()};
  if (fs::exists(checkpoint / "state.json")) {
    identity.sha256 = checkpoint::load_state(checkpoint).tokenizer_sha256;
  }
  if (identity.sha256.empty()) identity.sha256 = hash_of_kept_file(checkpoint);
  return identity;
}

}  // namespace aero::train
