#pragma once

#include "aero/config/run_config.h"
#include "aero/data/corpus.h"
#include "aero/model/decoder.h"
#include "aero/train/evaluation.h"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace aero::train {

using ByLayer = std::vector<double>;
using ByHead = std::vector<std::vector<double>>;  ///< [L][H]

/// The attention entropy of every head over some contexts of a split, in nats.
struct EntropyStatistics {
  double largest_possible = 0;  ///< ln T
  /// Mean entropy of causal attention with equal weights for all positions: ln(T!) / T.
  double uniform = 0;
  std::int64_t rows = 0;  ///< attention rows of each head
  ByHead mean;  ///< over the finite rows; NaN where there are none, or the block reports no rows
  std::vector<std::int64_t> nonfinite_rows;  ///< by layer: NaN or infinite, in no mean and no bin

  /// Returns the shares of heads in four bins of mean entropy: [0, max/4), [max/4, max/2),
  /// [max/2, 3max/4) and [3max/4, max], where max is the largest mean of a head (arXiv 2501.03489).
  /// Heads without a finite row are in no bin.
  std::array<double, 4> bins() const;
  /// Returns the mean over those heads of a layer that have a mean; NaN where none has.
  double layer_mean(std::size_t layer) const;
};

struct EntropyOptions {
  std::int64_t batch_size = 8;
  std::int64_t batches = 4;
  Precision precision = Precision::float32;
  std::function<bool()> proceed;         ///< called before each batch; false stops the measurement
  dist::Communicator communicator = {};  ///< ranks that share the batches; each gets the result
};

/// Measures entropy over the first contexts of the split, without dropout. Returns nothing where
/// `proceed` stopped it, on any rank.
std::optional<EntropyStatistics> measure_entropy(model::Decoder& decoder,
                                                 const data::Corpus& corpus,
                                                 const EntropyOptions& options);

/// Measures entropy over tokens [B, T].
EntropyStatistics measure_entropy(model::Decoder& decoder, const torch::Tensor& tokens);

/// The learned scalars that a model has, by layer: "slopes", "alpha", "beta", "attention_gain",
/// "skip_gain", "ffn_gain" (NaN for a layer without it); and by head: "temperature" (mean over
/// positions), "temperature_min", "thresholds".
struct LearnedScalars {
  std::map<std::string, ByLayer> by_layer;
  std::map<std::string, ByHead> by_head;
};

LearnedScalars learned_scalars(model::DecoderImpl& decoder);

}  // namespace aero::train
