#include "standard.h"

#include "settings.h"

namespace aero::exchange {

bool is_standard(const ModelConfig& m) {
  const bool has_known_block = m.norm == NormKind::layernorm && m.final_norm &&
                               m.attention == AttentionKind::softmax &&
                               m.temperature == TemperatureForm::none;
  const bool has_known_ffn =
      !m.ffn_scaled && !m.ffn_fused && m.ffn_count() == m.n_layer && has_counterpart(m.activation);
  if (!has_known_block || !has_known_ffn) return false;
  if (m.family == Family::gpt2) return !m.parallel_residual;
  return m.family == Family::pythia && m.attention_scaled;
}

}  // namespace aero::exchange
