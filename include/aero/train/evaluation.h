#pragma once

#include "aero/config/run_config.h"
#include "aero/data/corpus.h"
#include "aero/dist/communicator.h"
#include "aero/model/decoder.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace aero::train {

/// Cross-entropy over a part of a corpus, without penalties.
struct Evaluation {
  double loss = 0;                 ///< mean, nats per token
  std::int64_t tokens = 0;         ///< targets that were predicted
  std::int64_t samples = 0;        ///< contexts
  std::int64_t split_samples = 0;  ///< contexts of the whole split
  std::int64_t characters = 0;     ///< of the predicted targets; 0 without a tokenizer

  /// Whether the evaluation left out the end of the split, so that its loss does not compare with
  /// that of the whole split.
  bool is_of_a_part() const { return samples < split_samples; }
  double perplexity() const;          ///< exp(loss)
  double loss_per_character() const;  ///< nats; NaN without a tokenizer
};

struct EvaluationOptions {
  std::int64_t batch_size = 8;
  std::int64_t batches = 0;  ///< 0: the whole split
  Precision precision = Precision::float32;
  /// At 0, scores each sample in its own context. Otherwise reads the split as one text with joined
  /// documents: windows of T tokens advance by `stride` <= T. Each window scores only the tokens
  /// that no earlier window scored, so that each token has at least T - stride tokens before it,
  /// except in the first window.
  std::int64_t stride = 0;
  std::vector<std::int32_t>
      character_counts;  ///< by token (tokenizer::Tokenizer); empty: not counted
  /// Called after each batch with the number of contexts scored so far and of all contexts; false
  /// stops the evaluation.
  std::function<bool(std::int64_t done, std::int64_t all)> progress;
  /// Ranks that share the batches. Each gets the result, whose bits are those of one process.
  dist::Communicator communicator = {};
};

/// Scores a split in order, without dropout, and sums over tokens in double. Returns nothing where
/// `progress` stopped it, on any rank. Throws UsageError for a stride out of range, and Error for a split
/// shorter than one context.
std::optional<Evaluation> evaluate(model::Decoder& decoder, const data::Corpus& corpus,
                                   const EvaluationOptions& options);

}  // namespace aero::train
