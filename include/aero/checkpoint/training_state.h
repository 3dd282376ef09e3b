#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace aero::checkpoint {

/// What losses are multiplied by in float16.
struct LossScale {
  double scale = 1;
  std::int64_t growth = 0;  ///< finite steps since the last change

  bool operator==(const LossScale&) const = default;
};

/// Where training stands, beside the tensors.
struct TrainingState {
  std::int64_t step = 0;                ///< optimizer steps done
  std::int64_t samples_seen = 0;        ///< cursor of the sampler: sequences taken so far
  std::string data_fingerprint;         ///< a run refuses to resume on other data
  std::string tokenizer_sha256;         ///< of the corpus's tokenizer's file; empty: not known
  std::optional<double> eval_loss;      ///< mean loss of the latest evaluation, nats a token
  std::int64_t eval_step = 0;           ///< when that was; 0: none yet
  std::optional<LossScale> loss_scale;  ///< float16 only
  std::string held_out_fingerprint;     ///< of the validation split; empty: none, or not known
  std::string warm_start_crc32;         ///< of the weights that it began with; empty: with none
  std::string weights_crc32;            ///< of weights.safetensors beside it; empty: not known
  std::string optimizer_crc32;          ///< of optimizer.safetensors beside it; empty: not known
};

/// state.json; every key is written, and every key but tokenizer_sha256 must be there.
std::string to_json(const TrainingState& state);

/// Throws Error that names `file`, the key and the value.
TrainingState read_state(const std::filesystem::path& file);

}  // namespace aero::checkpoint
