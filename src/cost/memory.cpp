#include "aero/cost/memory.h"

#include "aero/config/enum_names.h"
#include "aero/cost/parameters.h"
#include "aero/cost/primitive.h"

#include "count.h"
#include "pieces.h"

#include <algorithm>

namespace aero::cost {
namespace {

constexpr std::int64_t float_bytes = 4;
constexpr std::int64_t token_bytes = 8;
constexpr std::int64_t bool_bytes = 1;
/// Logits that ops::linear_cross_entropy holds at a time.
constexpr std::int64_t loss_block = std::int64_t{1} << 26;

/// Sizes of one batch under one config; the terms are those of memory.h.
class Estimate {
 public:
  explicit Estimate(const RunConfig& config)
      : m_(config.model),
        norms_(block_norms(m_)),
        simplified_(m_.family == Family::simplified),
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
            .attention = (m_.n_layer * attention() + first_values()).value(),
            .ffn = (m_.ffn_count() * ffn()).value(),
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
    const bool every_input = m_.norm != NormKind::none || !half_;
    kept += every_input ? m_.n_layer : norms_.count;
    if (has_second_state(every_input)) kept += m_.ffn_count();
    return kept * float_bytes * states_;
  }

  /// Whether a block keeps a state between its attention and its FFN.
  bool has_second_state(bool every_input) const {
    if (m_.parallel_residual) return m_.ffn_scaled && !simplified_;
    return every_input || m_.ffn_scaled || simplified_;
  }

  Count norm() const {
    Count each = norm_inside(norms_.kind);
    if (!half_) each += float_bytes * states_;
    return norms_.count * each + norm_inside(m_.final_norm_kind());
  }

  /// What a norm keeps beside its input and its output.
  Count norm_inside(NormKind kind) const {
    switch (kind) {
      case NormKind::layernorm:
      case NormKind::layernorm_fixed:
        return 2 * float_bytes * rows_;
      case NormKind::rmsnorm:
        return float_bytes * rows_ + float_bytes * states_;
      case NormKind::none:
        return 0;
    }
    throw Error("a norm of an unknown kind");
  }

  Count attention() const {
    Count bytes = m_.attention != AttentionKind::softmax ? substitute_attention()
                  : m_.dropout_attention > 0             ? unfused_attention()
                                                         : entropy_attention();
    if (half_) bytes += compute_ * states_;
    if (m_.family == Family::pythia) bytes += float_bytes * m_.context * m_.rotary_dimensions();
    // The shaped mixture is float32.
    if (simplified_) return bytes + shaped_mixture() + residual_dropout(float_bytes);
    return bytes + residual_dropout(compute_);
  }

  /// What ops::entropy_attention keeps; deeper layers of the simplified family have no v.
  Count entropy_attention() const {
    return (simplified_ ? 3 : 4) * compute_ * states_ + row_numbers() * rows_ * m_.n_head +
           temperature();
  }

  /// Bytes for each row of a head's scores.
  Count row_numbers() const {
    const std::int64_t statistics = 3 * float_bytes;
    if (!m_.ereg.enabled) return statistics;
    const bool by_row = m_.ereg.reduction == EntropyReduction::row_sum;
    return statistics + float_bytes + (by_row ? float_bytes + bool_bytes : 0);
  }

  Count temperature() const {
    const bool transformed =
        m_.temperature == TemperatureForm::exp || m_.temperature == TemperatureForm::softplus;
    return transformed ? Count(float_bytes) * m_.n_head * m_.temperature_columns() : 0;
  }

  /// The mixture, the values' means and, unless they are float32 already, the values.
  Count shaped_mixture() const { return (half_ ? 3 : 2) * float_bytes * states_; }

  /// v and its product in layer 0.
  Count first_values() const { return simplified_ ? 2 * compute_ * states_ : 0; }

  Count score_matrices() const { return batch_ * m_.n_head * m_.context * m_.context; }

  Count unfused_attention() const {
    return float_bytes * (3 * states_ + 3 * score_matrices()) + compute_ * states_;
  }

  /// 2Quad keeps the shifted scores, their squares, the weights, the sums of its rows and the mask.
  /// ReLU keeps its result, the weights and the mask divided by its counts. A temperature keeps the
  /// scores that it divides. The scores are computed from float32 copies.
  Count substitute_attention() const {
    const bool squares = m_.attention == AttentionKind::two_quad;
    const bool divides = m_.temperature != TemperatureForm::none;
    const Count matrices = ((squares ? 3 : 2) + (divides ? 1 : 0)) * score_matrices();
    const Count mask = Count(m_.context) * m_.context * (squares ? bool_bytes : float_bytes);
    const Count sums = squares ? float_bytes * rows_ * m_.n_head : 0;
    return float_bytes * (3 * states_ + matrices) + sums + mask + compute_ * states_ +
           temperature();
  }

  Count ffn() const {
    Count bytes = m_.ffn_fused ? 0 : inner_states() * compute_ * inner_;
    if (half_) bytes += compute_ * states_;
    if (m_.ffn_scaled || simplified_) bytes += compute_ * states_;
    return bytes + residual_dropout(compute_);
  }

  /// Matrices of the inner width between W_in and W_out.
  std::int64_t inner_states() const {
    if (m_.activation == ActivationKind::none) return 1;
    return traits(primitive_named(enum_name(m_.activation))).kept;
  }

  Count residual_dropout(Count element) const {
    return m_.dropout_residual > 0 ? element * states_ : 0;
  }

  Count weight_copies() const {
    Count bytes = 0;
    for (const Matrix& matrix : block_matrices(m_)) {
      Count each = 0;
      if (half_ || matrix.form != WeightForm::plain) each += compute_ * matrix.out * matrix.in;
      bytes += matrix.count * (each + float_bytes * normalization_vectors(matrix));
    }
    return bytes;
  }

  static Count normalization_vectors(const Matrix& matrix) {
    switch (matrix.form) {
      case WeightForm::plain:
        return 0;
      case WeightForm::weight_norm:
        return 2 * matrix.out;
      case WeightForm::spectral_norm:
        return matrix.out + matrix.in;
    }
    throw Error("a matrix of an unknown form");
  }

  Count loss() const {
    const Count head = Count(m_.vocab_size) * m_.d_model;
    const std::int64_t most = std::max<std::int64_t>(loss_block / m_.vocab_size, 1);
    const std::int64_t block = std::min(most, rows_.value());
    const Count logits = Count(block) * m_.vocab_size;

    Count bytes = float_bytes * states_ + compute_ * states_ + float_bytes * head;
    if (half_) bytes += compute_ * states_ + compute_ * head;

    // The first block's product becomes the head's gradient; later products are added to it.
    Count product = half_ ? compute_ * head : 0;
    if (block < rows_.value()) product += float_bytes * head;
    const Count forward = (loss_in_place_ ? compute_ : compute_ + float_bytes) * logits;
    const Count backward = compute_ * logits + product;
    return bytes + std::max(forward.value(), backward.value());
  }

  ModelConfig m_;
  BlockNorms norms_;
  bool simplified_;
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
  const Count buffers = count_buffers(config.model);
  return {.weights = (float_bytes * (parameters + buffers)).value(),
          .optimizer = (2 * float_bytes * parameters).value(),
          .gradients = (float_bytes * parameters).value(),
          .activations = Estimate(config).activations()};
}

}  // namespace aero::cost
