#include "pieces.h"

#include "aero/config/enum_names.h"
#include "aero/core/error.h"
#include "aero/core/text.h"

#include <array>
#include <charconv>
#include <cstdint>

namespace aero::report {
namespace {

/// Writes the shortest decimal that reads back as `value`.
std::string text(double value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

std::string form_text(const char* what, WeightForm form) {
  return form == WeightForm::plain ? "" : fmt::format("; {} under {}", what, enum_name(form));
}

std::string block(const ModelConfig& m) {
  const bool simplified = m.family == Family::simplified;
  if (m.parallel_residual) {
    return fmt::format("attention and FFN in parallel{}", simplified ? ", without a skip" : "");
  }
  return fmt::format("attention, then FFN{}", simplified ? ", without a skip past attention" : "");
}

std::string weights_text(const ModelConfig& m) {
  if (m.attention != AttentionKind::two_quad) return enum_name(m.attention);
  return "2Quad of shift " + text(m.two_quad_shift);
}

std::string attention(const ModelConfig& m) {
  std::string line = weights_text(m);
  if (m.family == Family::simplified) {
    line = fmt::format(
        "alpha {} + beta I - gamma C, all from {}; values are its input, in layer 0 with a matrix; "
        "gain from {}",
        line, text(m.simplified.shaped_init), text(m.simplified.attention_gain));
  }
  if (!m.attention_scaled) line += "; scores not divided by sqrt(d_k)";
  if (m.temperature != TemperatureForm::none) {
    const bool by_head = m.temperature_shape == TemperatureShape::head;
    line +=
        fmt::format("; a temperature for each head{}, {}, from {}", by_head ? "" : " and position",
                    enum_name(m.temperature), text(m.temperature_init));
  }
  return line + form_text("Q and K", m.qk_form) + form_text("V", m.v_form) +
         form_text("O", m.o_form);
}

std::string absent_ffns(const ModelConfig& m) {
  std::string layers;
  for (std::int64_t l = 0; l < m.n_layer; ++l) {
    if (!m.has_ffn(l)) layers += (layers.empty() ? "" : ", ") + std::to_string(l);
  }
  return layers.empty() ? "" : "; none in layers " + layers;
}

std::string scale_text(const ModelConfig& m) {
  if (m.family == Family::simplified) {
    return fmt::format("; m_r from {}{}", text(m.simplified.ffn_gain),
                       m.parallel_residual ? "" : ", m_s from " + text(m.simplified.skip_gain));
  }
  if (!m.ffn_scaled) return "";
  return fmt::format("; scaled, alpha from {}, beta from {}", text(m.alpha_start()),
                     text(m.beta_init));
}

std::string slope_text(const ModelConfig& m) {
  if (m.activation != ActivationKind::leaky_relu) return "";
  switch (m.leaky_slope) {
    case LeakySlope::fixed:
      return " of slope " + text(m.leaky_init);
    case LeakySlope::layer:
      return " with one slope for each layer, from " + text(m.leaky_init);
    case LeakySlope::model:
      return " with one slope, from " + text(m.leaky_init);
  }
  throw Error("a leaky slope of an unknown kind");
}

std::string ffn(const ModelConfig& m) {
  if (m.ffn_count() == 0) return "none";
  const std::string activation =
      m.activation == ActivationKind::none ? "no activation" : enum_name(m.activation);
  const std::string what = m.ffn_fused ? "one matrix" : "two matrices, " + activation;
  return what + slope_text(m) + form_text("matrices", m.ffn_form) + scale_text(m) + absent_ffns(m);
}

std::string norm(const ModelConfig& m) {
  std::string blocks = m.norm == NormKind::none ? "none in the blocks" : enum_name(m.norm);
  if (m.norm == NormKind::none && m.family == Family::simplified) {
    blocks = "layernorm in layer 0 alone";
  }
  const auto last = m.final_norm_kind();
  return fmt::format("{}; {} before the head", blocks,
                     last == NormKind::none ? "none" : enum_name(last));
}

std::string entropy_penalty(const EregConfig& e) {
  return fmt::format("lambda {}, gamma {}, theta from {}, reduction {}", text(e.lambda),
                     text(e.gamma), text(e.theta_init), enum_name(e.reduction));
}

}  // namespace

std::vector<Piece> pieces(const ModelConfig& m) {
  std::vector<Piece> list{
      {"block", block(m)}, {"attention", attention(m)}, {"ffn", ffn(m)}, {"norm", norm(m)}};
  if (m.ereg.enabled) list.push_back({"entropy_penalty", entropy_penalty(m.ereg)});
  return list;
}

}  // namespace aero::report
