#include "input_conflict.h"

#include "aero/checkpoint/run_folder.h"
#include "aero/core/error.h"
#include "aero/core/text.h"
#include "aero/runs/find_checkpoint.h"

#include <optional>

namespace aero::jobs {
namespace {

std::optional<checkpoint::TrainingState> last_state(const checkpoint::RunFolder& run) {
  const auto latest = run.latest();
  if (!latest) return std::nullopt;
  try {
    return checkpoint::load_state(*latest);
  } catch (const Error&) {
    return std::nullopt;  // the process that resumes the run reports it
  }
}

std::string corpus_conflict(const checkpoint::TrainingState& state, const RunConfig& config,
                            KnownCorpora& corpora) {
  const auto differs = [&](const char* split, const std::string& there) -> std::string {
    if (there.empty()) return "";
    const auto& corpus = corpora.find(config, split);
    if (!corpus || there == corpus->fingerprint || there == corpus->former_fingerprint) return "";
    const bool same_tokenizer =
        state.tokenizer_sha256.empty() || state.tokenizer_sha256 == corpus->tokenizer_sha256;
    return fmt::format(" on other data than {} holds now ({} there, {} here{})", config.data.path,
                       there, corpus->fingerprint, same_tokenizer ? "" : ", by another tokenizer");
  };
  const auto training = differs("train", state.data_fingerprint);
  if (!training.empty()) return "was trained" + training;
  const auto held_out = differs("val", state.held_out_fingerprint);
  return held_out.empty() ? "" : "was evaluated" + held_out;
}

std::string warm_start_conflict(const checkpoint::TrainingState& state, const RunConfig& config) {
  const auto& source = config.train.warm_start;
  if (state.warm_start_crc32.empty() || source.empty()) return "";
  try {
    const auto here = checkpoint::weights_checksum(runs::find_checkpoint(source));
    if (here == state.warm_start_crc32) return "";
    return fmt::format("began with other weights than {} holds now (CRC-32 {} there, {} here)",
                       source, state.warm_start_crc32, here);
  } catch (const Error&) {
    return "";  // the run that begins with these weights reports it
  }
}

}  // namespace

std::string input_conflict(const std::filesystem::path& folder, const RunConfig& config,
                           KnownCorpora& corpora) {
  const auto state = last_state(checkpoint::RunFolder(folder));
  if (!state) return "";
  const auto data = corpus_conflict(*state, config, corpora);
  const auto conflict = data.empty() ? warm_start_conflict(*state, config) : data;
  if (conflict.empty()) return "";
  return fmt::format("{0}: {1}, so that the two do not compare; put the former back, or remove {0}",
                     folder.string(), conflict);
}

}  // namespace aero::jobs
