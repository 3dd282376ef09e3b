#include "pieces.h"

namespace aero::cost {

std::vector<Matrix> block_matrices(const ModelConfig& m) {
  const std::int64_t d = m.d_model;
  const std::int64_t f = m.ffn_width();
  const bool simplified = m.family == Family::simplified;
  const bool qk_bias = m.biases != BiasSet::none;
  const bool all_biases = m.biases == BiasSet::all;

  std::vector<Matrix> matrices{{Part::attention, m.qk_form, d, d, qk_bias, 2 * m.n_layer}};
  if (simplified) {
    matrices.push_back({Part::attention, WeightForm::plain, d, d, false, 1});
  } else {
    matrices.push_back({Part::attention, m.v_form, d, d, all_biases, m.n_layer});
    matrices.push_back({Part::attention, m.o_form, d, d, all_biases, m.n_layer});
  }
  if (m.ffn_fused) {
    matrices.push_back({Part::ffn, m.ffn_form, d, d, all_biases, m.ffn_count()});
  } else {
    matrices.push_back({Part::ffn, m.ffn_form, f, d, all_biases, m.ffn_count()});
    matrices.push_back({Part::ffn, m.ffn_form, d, f, all_biases, m.ffn_count()});
  }
  return matrices;
}

BlockNorms block_norms(const ModelConfig& m) {
  const bool simplified = m.family == Family::simplified;
  if (m.norm == NormKind::none) {
    return simplified ? BlockNorms{NormKind::layernorm, 1} : BlockNorms{};
  }
  const bool shared = simplified && m.parallel_residual;
  return {m.norm, m.n_layer + (shared ? 0 : m.ffn_count())};
}

}  // namespace aero::cost
