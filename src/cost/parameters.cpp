#include "aero/cost/parameters.h"

#include "count.h"

namespace aero::cost {
namespace {

Count norm_size(NormKind kind, const ModelConfig& m) {
  switch (kind) {
    case NormKind::layernorm:
      return m.norm_bias ? 2 * m.d_model : m.d_model;
    case NormKind::rmsnorm:
      return m.d_model;
    case NormKind::none:
      return 0;
  }
  throw Error("a norm of an unknown kind");
}

Count slopes(const ModelConfig& m) {
  if (m.activation != ActivationKind::leaky_relu) return 0;
  switch (m.leaky_slope) {
    case LeakySlope::fixed:
      return 0;
    case LeakySlope::layer:
      return m.n_layer;
    case LeakySlope::model:
      return 1;
  }
  throw Error("a leaky slope of an unknown kind");
}

}  // namespace

Parameters count_parameters(const ModelConfig& m) {
  const Count d = m.d_model;
  const Count f = m.ffn_width();
  const Count layers = m.n_layer;
  const bool qk_bias = m.biases != BiasSet::none;
  const bool all_biases = m.biases == BiasSet::all;

  const Count tokens = m.vocab_size * d;
  const Count positions = m.family == Family::gpt2 ? m.position_rows() * d : 0;
  const Count head = m.tied_head ? 0 : tokens;

  const Count biases_qk = qk_bias ? 2 * d : 0;
  const Count biases_vo = all_biases ? 2 * d : 0;
  const Count biases_ffn = all_biases ? f + d : 0;
  const Count norms = 2 * layers * norm_size(m.norm, m) + norm_size(m.final_norm_kind(), m);

  return {.embedding = (tokens + positions + head).value(),
          .attention = (layers * (4 * d * d + biases_qk + biases_vo)).value(),
          .ffn = (layers * (2 * d * f + biases_ffn)).value(),
          .norm = norms.value(),
          .other = slopes(m).value()};
}

}  // namespace aero::cost
