#include "standard.h"

#include "aero/config/enum_names.h"
#include "aero/config/notation.h"
#include "aero/core/error.h"
#include "aero/core/text.h"

#include "settings.h"

#include <string>

namespace aero::exchange {
namespace {

struct Difference {
  bool is_there;
  const char* key;
  std::string value;
};

}  // namespace

void require_standard(const ModelConfig& m) {
  const bool is_gpt2 = m.family == Family::gpt2;
  const Difference differences[]{
      {m.family == Family::simplified, "family", enum_name(m.family)},
      {m.norm != NormKind::layernorm, "norm", enum_name(m.norm)},
      {!m.final_norm, "final_norm", "false"},
      {m.attention != AttentionKind::softmax, "attention", enum_name(m.attention)},
      {m.temperature != TemperatureForm::none, "temperature", enum_name(m.temperature)},
      {!has_counterpart(m.activation), "activation", enum_name(m.activation)},
      {m.ffn_scaled, "ffn_scaled", "true"},
      {m.ffn_fused, "ffn_fused", "true"},
      {m.ffn_count() < m.n_layer, "ffn_pruned", fmt::format("{}", m.n_layer - m.ffn_count())},
      {is_gpt2 && m.parallel_residual, "parallel_residual", "true"},
      {!is_gpt2 && !m.attention_scaled, "attention_scaled", "false"},
      {!m.own_parts.empty(), "own_parts", m.own_parts},
  };
  for (const auto& [is_there, key, value] : differences) {
    if (!is_there) continue;
    throw UsageError(fmt::format("model.{}: {}: {} has no counterpart of {} in transformers", key,
                                 value, is_gpt2 ? "GPT-2" : "GPT-NeoX", architecture_name(m)));
  }
}

}  // namespace aero::exchange
