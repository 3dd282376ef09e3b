#include "aero/train/evaluation.h"

#include "aero/core/error.h"
#include "aero/core/text.h"
#include "aero/train/precision.h"

#include "evaluation_mode.h"
#include "first_contexts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace aero::train {
namespace {

/// Sums losses over batches [B, T], in which some targets may be ignored. Several ranks have some of
/// the batches each.
class Scorer {
 public:
  Scorer(model::Decoder& decoder, const EvaluationOptions& options)
      : mode_(decoder),
        decoder_(decoder),
        precision_(options.precision),
        communicator_(options.communicator) {
    if (!options.character_counts.empty()) {
      character_counts_ = torch::tensor(options.character_counts, torch::kInt64);
    }
  }

  bool has(std::int64_t batch) const {
    return batch % communicator_.ranks() == communicator_.rank();
  }

  void score(const data::Batch& batch) {
    shares_.push_back(zero_);
    const auto targets = batch.targets.masked_select(batch.targets.ne(data::ignored_target));
    if (targets.numel() == 0) return;
    const auto device = decoder_->device();
    const AutocastGuard autocast(device, precision_);
    const auto loss = decoder_->loss(batch.inputs.to(device), batch.targets.to(device));
    shares_.back() = loss.to(torch::kFloat64) * static_cast<double>(targets.numel());
    result_.tokens += targets.numel();
    result_.samples += batch.inputs.size(0);
    if (character_counts_.defined()) {
      result_.characters += character_counts_.index_select(0, targets).sum().item<std::int64_t>();
    }
  }

  /// Adds up what all ranks have scored of `batches`. Returns nothing where one was stopped.
  std::optional<Evaluation> result(std::int64_t batches, bool is_stopped) const {
    // A place for each batch, so that the order of the sum is that of one process.
    auto losses = torch::zeros({batches}, zero_.options());
    for (std::size_t i = 0; i < shares_.size(); ++i) {
      const auto batch =
          static_cast<std::int64_t>(i) * communicator_.ranks() + communicator_.rank();
      losses[batch].copy_(shares_[i]);
    }
    auto result = result_;
    const auto counts = torch::tensor({result.tokens, result.samples, result.characters,
                                       static_cast<std::int64_t>(is_stopped)},
                                      torch::kInt64)
                            .to(zero_.device());
    communicator_.sum(losses);
    communicator_.sum(counts);
    const auto all = counts.cpu();
    const auto* const count = all.data_ptr<std::int64_t>();
    if (count[3] > 0) return std::nullopt;
    result.tokens = count[0];
    result.samples = count[1];
    result.characters = count[2];
    const auto here = losses.cpu();
    const auto* const first = here.data_ptr<double>();
    result.loss = std::accumulate(first, first + batches, 0.0) / static_cast<double>(result.tokens);
    return result;
  }

 private:
  torch::NoGradGuard no_grad_;
  EvaluationMode mode_;
  model::Decoder& decoder_;
  Precision precision_;
  dist::Communicator communicator_;
  torch::Tensor character_counts_;  // [V], or undefined
  torch::Tensor zero_ = torch::zeros({}, torch::device(decoder_->device()).dtype(torch::kFloat64));
  std::vector<torch::Tensor> shares_;  // of this rank's batches, on the model's device, so that no
                                       // batch waits for the one before
  Evaluation result_;
};

/// Reads the samples [first, first + count) of the corpus.
data::Batch sample_batch(const data::Corpus& corpus, std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), first);
  return corpus.batch(indices);
}

/// Reads the windows [first, first + count) of the split as one text. Marks targets that an earlier
/// window has scored as ignored.
data::Batch window_batch(const data::Corpus& corpus, std::int64_t first, std::int64_t count,
                         std::int64_t stride) {
  const auto context = corpus.context();
  data::Batch batch{torch::empty({count, context}, torch::kInt64),
                    torch::empty({count, context}, torch::kInt64)};
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(context) + 1);
  for (std::int64_t i = 0; i < count; ++i) {
    corpus.read((first + i) * stride, tokens);
    std::copy_n(tokens.begin(), context, batch.inputs[i].data_ptr<std::int64_t>());
    auto* targets = batch.targets[i].data_ptr<std::int64_t>();
    std::copy_n(tokens.begin() + 1, context, targets);
    if (first + i > 0) std::fill_n(targets, context - stride, data::ignored_target);
  }
  return batch;
}

std::int64_t count_windows(const data::Corpus& corpus, std::int64_t stride) {
  const auto room = corpus.tokens() - corpus.context() - 1;
  return room < 0 ? 0 : room / stride + 1;
}

}  // namespace

double Evaluation::perplexity() const {
  return std::exp(loss);
}

double Evaluation::loss_per_character() const {
  if (characters == 0) return std::numeric_limits<double>::quiet_NaN();
  return loss * static_cast<double>(tokens) / static_cast<double>(characters);
}

std::optional<Evaluation> evaluate(model::Decoder& decoder, const data::Corpus& corpus,
                                   const EvaluationOptions& options) {
  const auto stride = options.stride;
  if (stride < 0 || stride > corpus.context()) {
    throw UsageError(
        fmt::format("stride: {}: must be from 1 to the context, {}, or 0 for separate contexts",
                    stride, corpus.context()));
  }
  const auto whole = stride > 0 ? count_windows(corpus, stride) : corpus.size();
  const auto all =
      options.batches > 0 ? first_contexts(whole, options.batches, options.batch_size) : whole;
  if (all == 0) throw Error("evaluation: the split is shorter than one context");
  Scorer scorer(decoder, options);
  std::int64_t batches = 0;
  bool is_stopped = false;
  for (std::int64_t first = 0; first < all; first += options.batch_size) {
    if (!scorer.has(batches++) || is_stopped) continue;
    const auto count = std::min(options.batch_size, all - first);
    scorer.score(stride > 0 ? window_batch(corpus, first, count, stride)
                            : sample_batch(corpus, first, count));
    is_stopped = options.progress && !options.progress(first + count, all);
  }
  auto result = scorer.result(batches, is_stopped);
  if (result) result->split_samples = whole;
  return result;
}

}  // namespace aero::train
