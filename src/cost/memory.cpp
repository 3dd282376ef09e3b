#include "aero/cost/memory.h"

#include "aero/cost/parameters.h"

#include "count.h"
#include <algorithm>

namespace aero::cost {
namespace {

constexpr std::int64_t float_bytes = 4;
constexpr std::int64_t token_bytes = 8;
/// Logits that ops::linear_cross_entropy holds at a time.
constexpr std::int64_t loss_block = std::int64_t{1} << 26;

/// Sizes of one batch under one config; the terms are those of memory.h.
class Estimate {
 public:
  explicit Estimate(const RunConfig& config)
      : m_(config.model),
        batch_(config.train.batch_size),
        rows_(batch_ * m_.context),
        states_(rows_ * m_.d_model),
        inner_(rows_ * m_.ffn_width()),
        half_(config.train.dtype != Precision::float32),
        loss_in_place_(config.train.dtype != Precision::float16),
        compute_(half_ ? 2 : float_bytes) {}

  Activations activations() const {
    return {.embedding = embedding().value(),
            .residual = residual().value(),
            .norm = norm().value(),
            .attention = (m_.n_layer * attention()).value(),
            .ffn = (m_.n_layer * ffn()).value(),
            .weight_copies = weight_copies().value(),
            .loss = loss().value()};
  }

 private:
  Count embedding() const {
    Count bytes = token_bytes * rows_;
    if (m_.dropout_embedding > 0) bytes += float_bytes * states_;
    return bytes;
  }

  Count residual() const {
    Count kept = m_.final_norm_kind() != NormKind::none ? 1 : 0;
    if (m_.norm != NormKind::none || !half_) kept += m_.n_layer * (m_.parallel_residual ? 1 : 2);
    return kept * float_bytes * states_;
  }

  Count norm() const {
    Count bytes = 2 * m_.n_layer * norm_inside(m_.norm) + norm_inside(m_.final_norm_kind());
    if (m_.norm != NormKind::none && !half_) bytes += 2 * m_.n_layer * float_bytes * states_;
    return bytes;
  }

  /// What a norm keeps beside its input and its output.
  Count norm_inside(NormKind kind) const {
    switch (kind) {
      case NormKind::layernorm:
        return 2 * float_bytes * rows_;
      case NormKind::rmsnorm:
        return float_bytes * rows_ + float_bytes * states_;
      case NormKind::none:
        return 0;
    }
    throw Error("a norm of an unknown kind");
  }

  Count attention() const {
    const bool rotary = m_.family == Family::pythia;
    Count bytes = m_.dropout_attention > 0 ? unfused_attention() : fused_attention(rotary);
    if (half_) bytes += compute_ * states_;
    if (rotary) bytes += float_bytes * m_.context * m_.rotary_dimensions();
    return bytes + residual_dropout();
  }

  Count fused_attention(bool rotary) const {
    const Count logsumexp = float_bytes * rows_ * m_.n_head;
    // The kernel lays its output out as the queries are: as [B, H, T, d_k] once they are rotated,
    // so that merging the heads copies.
    return (rotary ? 5 : 4) * compute_ * states_ + logsumexp;
  }

  Count unfused_attention() const {
    const Count matrices = batch_ * m_.n_head * m_.context * m_.context;
    return float_bytes * (3 * states_ + 3 * matrices) + compute_ * states_;
  }

  Count ffn() const {
    const bool relu_or_none =
        m_.activation == ActivationKind::relu || m_.activation == ActivationKind::none;
    Count bytes = (relu_or_none ? 1 : 2) * compute_ * inner_;
    if (half_) bytes += compute_ * states_;
    return bytes + residual_dropout();
  }

  Count residual_dropout() const { return m_.dropout_residual > 0 ? compute_ * states_ : 0; }

  Count weight_copies() const {
    if (!half_) return 0;
    const Count d = m_.d_model;
    Count elements = m_.n_layer * (4 * d * d + 2 * d * m_.ffn_width());
    if (m_.activation == ActivationKind::leaky_relu && m_.leaky_slope != LeakySlope::fixed) {
      elements += m_.n_layer;
    }
    return compute_ * elements;
  }

  Count loss() const {
    const Count head = Count(m_.vocab_size) * m_.d_model;
    const std::int64_t most = std::max<std::int64_t>(loss_block / m_.vocab_size, 1);
    const std::int64_t block = std::min(most, rows_.value());
    const Count logits = Count(block) * m_.vocab_size;

    Count bytes = float_bytes * states_ + compute_ * states_ + float_bytes * head;
    if (half_) bytes += compute_ * states_ + compute_ * head;

    // The first block's product becomes the head's gradient, later ones are added to it.
    Count product = half_ ? compute_ * head : 0;
    if (block < rows_.value()) product += float_bytes * head;
    const Count forward = (loss_in_place_ ? compute_ : compute_ + float_bytes) * logits;
    const Count backward = compute_ * logits + product;
    return bytes + std::max(forward.value(), backward.value());
  }

  ModelConfig m_;
  Count batch_;
  Count rows_;    // B T
  Count states_;  // B T d
  Count inner_;   // B T d_ffn
  bool half_;
  bool loss_in_place_;  // ops' own kernel turns logits into their gradient
  Count compute_;       // bytes of an element in products
};

}  // namespace

std::int64_t Activations::total() const {
  return (Count(embedding) + residual + norm + attention + ffn + weight_copies + loss).value();
}

std::int64_t Memory::total() const {
  return (Count(weights) + optimizer + gradients + activations.total()).value();
}

Memory estimate_memory(const RunConfig& config) {
  const Count parameters = count_parameters(config.model).total();
  return {.weights = (float_bytes * parameters).value(),
          .optimizer = (2 * float_bytes * parameters).value(),
          .gradients = (float_bytes * parameters).value(),
          .activations = Estimate(config).activations()};
}

}  // namespace aero::cost
