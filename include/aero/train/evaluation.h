#pragma once

#include "aero/config/run_config.h"
#include "aero/data/corpus.h"
#include "aero/model/decoder.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace aero::train {

/// Cross-entropy over a part of a corpus; never with a penalty in it.
struct Evaluation {
  double loss = 0;                 ///< mean, nats a token
  std::int64_t tokens = 0;         ///< targets that were predicted
  std::int64_t samples = 0;        ///< contexts
  std::int64_t split_samples = 0;  ///< those of the whole split
  std::int64_t characters = 0;     ///< of the predicted targets; 0 without a tokenizer

  /// Whether the evaluation ended before the split did, so that its loss is not comparable with
  /// one of the whole split.
  bool is_of_a_part() const { return samples < split_samples; }
  double perplexity() const;          ///< exp(loss)
  double loss_per_character() const;  ///< nats; NaN without a tokenizer
};

struct EvaluationOptions {
  std::int64_t batch_size = 8;
  std::int64_t batches = 0;  ///< 0: the whole split
  Precision precision = Precision::float32;
  /// 0: each sample on its own context. Else the split is one text, documents joined: windows of T
  /// tokens advance by `stride`, each scoring only the tokens that none before it scored, so that
  /// all but the first window's have at least T - stride tokens before them. At most T.
  std::int64_t stride = 0;
  std::vector<std::int32_t>
      character_counts;  ///< by token (tokenizer::Tokenizer); empty: not counted
  /// Told of the contexts done so far and in all; false breaks the evaluation off.
  std::function<bool(std::int64_t done, std::int64_t all)> progress;
};

/// Scores a split in order, dropout off; the sum over tokens is taken in double. Empty when
/// progress broke it off. Throws UsageError for a stride out of range, Error for a split shorter
/// than one context.
std::optional<Evaluation> evaluate(model::Decoder& decoder, const data::Corpus& corpus,
                                   const EvaluationOptions& options);

}  // namespace aero::train
