#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace aero::checkpoint {

/// The factor that multiplies losses in float16.
struct LossScale {
  double scale = 1;
  std::int64_t growth = 0;  ///< finite steps since the last change

  bool operator==(const LossScale&) const = default;
};

/// The state of training beside the tensors.
struct TrainingState {
  std::int64_t step = 0;                ///< optimizer steps done
  std::int64_t samples_seen = 0;        ///< sequences that the sampler has given so far
  std::int64_t rewinds = 0;             ///< returns to an earlier state so far
  std::string data_fingerprint;         ///< a run refuses to resume on other data
  std::string tokenizer_sha256;         ///< of the corpus's tokenizer file; empty: unknown
  std::optional<double> eval_loss;      ///< mean loss of the latest evaluation, nats a token
  std::int64_t eval_step = 0;           ///< the step of that evaluation; 0: none yet
  std::optional<LossScale> loss_scale;  ///< float16 only
  std::string held_out_fingerprint;     ///< of the validation split; empty: none, or unknown
  std::string warm_start_crc32;         ///< of the weights it began with; empty: none
  std::string weights_crc32;            ///< of weights.safetensors beside it; empty: unknown
  std::string optimizer_crc32;          ///< of optimizer.safetensors beside it; empty: unknown
  std::string config_crc32;             ///< of config.json beside it; empty: unknown
};

/// Writes state.json with every key, and last the checksum of the others.
std::string to_json(const TrainingState& state);

/// Reads the text of a state.json. Throws Error that names `file`, and the key and the value, or
/// that the checksum does not fit.
TrainingState parse_state(const std::string& text, const std::filesystem::path& file);

/// Reads state.json. Throws Error that names `file`, and the key and the value, or that the checksum
/// does not fit.
TrainingState read_state(const std::filesystem::path& file);

}  // namespace aero::checkpoint
