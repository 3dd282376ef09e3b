#include "aero/config/enum_names.h"
#include "aero/config/fields.h"
#include "aero/config/notation.h"
#include "aero/config/presets.h"

#include "field_makers.h"

namespace aero {
namespace {

/// Lists names and meanings: "gelu, the exact one (erf); relu".
template <class Kinds>
std::string meanings(const Kinds& kinds) {
  std::string text;
  for (const auto& kind : kinds) {
    text.append(text.empty() ? "" : "; ").append(kind.name);
    if (!kind.meaning.empty()) text.append(", ").append(kind.meaning);
  }
  return text;
}

Section describe_choices(ModelConfig& m) {
  const Shorthand preset{preset_names(), [] { return std::string(); },
                         [&m](const std::string& name) { apply_preset(name, m); }};
  const EnumRef family{&enum_names<Family>(), [&m] { return static_cast<std::size_t>(m.family); },
                       [&m](std::size_t index) { apply_family(static_cast<Family>(index), m); }};
  const Shorthand architecture{architecture_names(), [&m] { return architecture_name(m); },
                               [&m](const std::string& name) { apply_architecture(name, m); },
                               architecture_pattern()};
  return {
      "model",
      "The decoder, in the papers' notation: L layers, H heads, d model width, d_k = d / H, T "
      "context.",
      {
          {"model.preset", "A named size: sets every key of this section, before the other keys.",
           preset},
          {"model.family",
           "gpt2: learned positions, sequential residual, tied head. pythia (GPT-NeoX): rotary "
           "embedding, parallel residual, untied head. simplified: He and Hofmann's block without "
           "skips, values and projections. A change of family changes these choices and the form "
           "of GELU.",
           family},
          {"model.architecture",
           "The papers' name for what the model keeps, as \"SM+LN+G\" or "
           "\"EReg(SM(t)+ScFuFFN_i6)\"; see Architecture above. Sets norm, activation, attention, "
           "temperature, temperature_shape, ffn_form, ffn_scaled, ffn_fused, ffn_pruned, "
           "ffn_pruned_layers and ereg.enabled.",
           architecture},
          {"model.n_layer", "L, the number of blocks.", &m.n_layer, between(1, 10'000)},
          {"model.n_head", "H, attention heads in a block; must divide d_model.", &m.n_head,
           between(1, 10'000)},
          {"model.d_model", "d, the width of the residual stream.", &m.d_model,
           between(1, 1'000'000)},
          {"model.d_ffn", "Inner width of the FFN; 0: 4 d_model.", &m.d_ffn,
           between(0, 10'000'000)},
          {"model.context", "T, tokens in a training sequence.", &m.context, between(1, 1'000'000)},
          {"model.positions",
           "Rows of the learned position table (gpt2 only), at least context; 0: context.",
           &m.positions, between(0, 10'000'000)},
          {"model.vocab_size", "Tokens in the vocabulary.", &m.vocab_size, between(1, 100'000'000)},
          {"model.norm", "Both norms of every block: " + meanings(norm_kinds) + ".",
           enum_ref(m.norm)},
          {"model.final_norm",
           "Whether there is a norm before the head. It has the blocks' kind; it is a LayerNorm if "
           "the blocks have none or a fixed one.",
           &m.final_norm},
          {"model.norm_bias", "Whether a LayerNorm has a bias beside its gain.", &m.norm_bias},
          {"model.norm_eps", "Added to the variance in a norm.", &m.norm_eps, above(0)},
          {"model.activation",
           "The function between the two matrices of the FFN: " + meanings(activation_kinds) + ".",
           enum_ref(m.activation)},
          {"model.leaky_slope",
           "The negative slope of a leaky ReLU: fixed, or learned, with one slope for each layer "
           "or one for the model.",
           enum_ref(m.leaky_slope)},
          {"model.leaky_init", "The negative slope, or its initial value where it is learned.",
           &m.leaky_init, any_number()},
          {"model.ffn_form",
           "How the FFN's matrices are kept: plain, or normalised by weight (W = g v / norm(v) "
           "by output row) or spectrum (W / sigma(W), by power iteration).",
           enum_ref(m.ffn_form)},
          {"model.qk_form", "The same for the matrices of queries and keys.", enum_ref(m.qk_form)},
          {"model.v_form", "The same for the matrix of values.", enum_ref(m.v_form)},
          {"model.o_form", "The same for attention's output matrix.", enum_ref(m.o_form)},
          {"model.ffn_scaled",
           "ScFFN: X_out = beta X_SA + FFN(X_SA) / alpha, alpha and beta learned in each layer. In "
           "the family simplified: its gains m_s and m_r, which are always there.",
           &m.ffn_scaled},
          {"model.alpha_init", "Initial alpha of ScFFN. 0: 1, and 0.3 where the FFN is fused.",
           &m.alpha_init, any_number()},
          {"model.beta_init", "Initial beta of ScFFN.", &m.beta_init, any_number()},
          {"model.ffn_fused", "FuFFN: the FFN is one d x d matrix; it has no activation then.",
           &m.ffn_fused},
          {"model.ffn_pruned", "k of _i<k>: the k deepest FFNs are absent.", &m.ffn_pruned,
           between(0, 10'000)},
          {"model.ffn_pruned_layers",
           "The layers, counted from 0, whose FFNs are absent, if these are not the deepest.",
           &m.ffn_pruned_layers, between(0, 10'000)},
          {"model.attention",
           "How scores s become weights over the visible keys: " + meanings(attention_kinds) + ".",
           enum_ref(m.attention)},
          {"model.two_quad_shift", "c of two_quad.", &m.two_quad_shift, any_number()},
          {"model.temperature",
           "SM(t): a learned temperature t for each head and query position divides the scores. "
           "raw keeps t itself, as in the papers; exp and softplus keep it positive.",
           enum_ref(m.temperature)},
          {"model.temperature_init", "Initial t.", &m.temperature_init, any_number()},
          {"model.temperature_shape",
           "position: a temperature for each head and query position, SM(t). head: for each head "
           "alone, SM(h), which folds into W_Q.",
           enum_ref(m.temperature_shape)},
          {"model.attention_scaled",
           "Whether scores are divided by sqrt(d_k); false if W_Q includes that factor.",
           &m.attention_scaled},
          {"model.biases",
           "Which linear layers of a block have a bias: all, none, or the queries and keys alone.",
           enum_ref(m.biases)},
          {"model.tied_head", "Whether the head shares the token embedding's matrix.",
           &m.tied_head},
          {"model.parallel_residual",
           "x + attention(norm1(x)) + FFN(norm2(x)) instead of one after the other.",
           &m.parallel_residual},
          {"model.rotary_fraction",
           "Share of a head's dimensions that the rotary embedding turns (pythia only).",
           &m.rotary_fraction,
           {.low = 0, .high = 1, .low_open = true}},
          {"model.rotary_base", "Base of the rotary wavelengths (pythia only).", &m.rotary_base,
           above(0)},
          {"model.init",
           "Standard deviation of the initial matrices: fixed is init_std, width is 1 / "
           "sqrt(d_model).",
           enum_ref(m.init)},
          {"model.init_std", "Standard deviation under init fixed.", &m.init_std, at_least(0)},
          {"model.residual_scaling",
           "Whether the output projections of attention and FFN start smaller by 1 / sqrt(2 L).",
           &m.residual_scaling},
          {"model.own_parts",
           "Modules that a program brought in place of AERO's, with their types. Such a program "
           "writes this key (docs/library.md); the program aero builds no such model.",
           &m.own_parts},
      }};
}

Section describe_ereg(EregConfig& e) {
  return {
      "model.ereg",
      "Entropy regularisation, EReg(...): lambda times the mean over layers and heads of (E - "
      "theta ln T)^2, where the deviation exceeds the margin gamma ln T. It is part of the "
      "training loss, never of an evaluation.",
      {
          {"model.ereg.enabled", "Whether the penalty is added.", &e.enabled},
          {"model.ereg.lambda",
           "Weight of the penalty. Under row_sum the penalty grows with the rows of a batch: a "
           "lambda under mean has the effect of lambda / (batch_size T) there.",
           &e.lambda, at_least(0)},
          {"model.ereg.gamma", "Margin as a share of ln T; strict.", &e.gamma, at_least(0)},
          {"model.ereg.theta_init", "Initial threshold, as a share of ln T.", &e.theta_init,
           any_number()},
          {"model.ereg.reduction",
           "mean: squares the deviation of a head's entropy, averaged over batch and positions "
           "(the papers' algorithm). With train.accumulation each micro-batch has its own average, "
           "which adds lambda times the variance between the averages. row_sum: squares the "
           "deviation of each row and sums over batch and positions (the authors' code).",
           enum_ref(e.reduction)},
      }};
}

Section describe_norm_fixed(NormFixedConfig& n) {
  const Range share{.low = 0, .high = 1};
  return {
      "model.norm_fixed",
      "How norms of the kind layernorm_fixed pass from the deviation of each row to a constant, "
      "which is the running average of the batches' deviations up to `start`.",
      {
          {"model.norm_fixed.start", "Share of the training after which the passage begins.",
           &n.start, share},
          {"model.norm_fixed.end", "Share of the training after which it is done.", &n.end, share},
          {"model.norm_fixed.momentum",
           "Momentum of the running average.",
           &n.momentum,
           {.low = 0, .high = 1, .high_open = true}},
      }};
}

Section describe_simplified(SimplifiedConfig& s) {
  return {"model.simplified",
          "Initial values of the learned scalars of the family simplified (He and Hofmann).",
          {
              {"model.simplified.attention_gain", "a, the gain of attention.", &s.attention_gain,
               any_number()},
              {"model.simplified.skip_gain", "m_s, the gain around the FFN (sequential only).",
               &s.skip_gain, any_number()},
              {"model.simplified.ffn_gain", "m_r, the gain of the FFN.", &s.ffn_gain, any_number()},
              {"model.simplified.shaped_init",
               "alpha, beta and gamma of the shaped attention alpha softmax + beta I - gamma C.",
               &s.shaped_init, any_number()},
          }};
}

Section describe_dropout(ModelConfig& m) {
  const Range probability{.low = 0, .high = 1, .high_open = true};
  return {"model.dropout",
          "Probabilities of dropout while training.",
          {
              {"model.dropout.embedding", "On the sum of token and position embedding.",
               &m.dropout_embedding, probability},
              {"model.dropout.attention", "On the attention probabilities.", &m.dropout_attention,
               probability},
              {"model.dropout.residual", "On what attention and FFN add to the residual stream.",
               &m.dropout_residual, probability},
          }};
}

}  // namespace

std::vector<Section> describe(ModelConfig& config) {
  return {describe_choices(config), describe_ereg(config.ereg),
          describe_norm_fixed(config.norm_fixed), describe_simplified(config.simplified),
          describe_dropout(config)};
}

}  // namespace aero
