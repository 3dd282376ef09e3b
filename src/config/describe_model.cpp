#include "aero/config/enum_names.h"
#include "aero/config/fields.h"
#include "aero/config/notation.h"
#include "aero/config/presets.h"

#include "field_makers.h"

namespace aero {
namespace {

Section describe_choices(ModelConfig& m) {
  const Shorthand preset{preset_names(), [] { return std::string(); },
                         [&m](const std::string& name) { apply_preset(name, m); }};
  const EnumRef family{&enum_names<Family>(), [&m] { return static_cast<std::size_t>(m.family); },
                       [&m](std::size_t index) { apply_family(static_cast<Family>(index), m); }};
  const Shorthand architecture{architecture_names(), [&m] { return architecture_name(m); },
                               [&m](const std::string& name) { apply_architecture(name, m); }};
  return {
      "model",
      "The decoder, in the papers' notation: L layers, H heads, d model width, d_k = d / H, T "
      "context.",
      {
          {"model.preset", "A named size: sets every key of this section, before the other keys.",
           preset},
          {"model.family",
           "gpt2: learned positions, sequential residual, tied head. pythia (GPT-NeoX): rotary "
           "embedding, parallel residual, untied head. A change of family changes these choices "
           "and "
           "the form of GELU.",
           family},
          {"model.architecture",
           "The papers' name of what is kept: SM softmax attention, LN or RMS the two norms of "
           "each "
           "block, G GELU, R ReLU, LR leaky ReLU in the FFN. Sets norm and activation.",
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
          {"model.norm", "Both norms of every block.", enum_ref(m.norm)},
          {"model.final_norm",
           "The norm before the head, of the blocks' kind; a LayerNorm where the blocks have none.",
           &m.final_norm},
          {"model.norm_bias", "Whether a LayerNorm has a bias beside its gain.", &m.norm_bias},
          {"model.norm_eps", "Added to the variance in a norm.", &m.norm_eps, above(0)},
          {"model.activation",
           "Between the two matrices of the FFN; gelu is the exact one (erf), none the identity.",
           enum_ref(m.activation)},
          {"model.leaky_slope",
           "The negative slope of a leaky ReLU: fixed, or learned, one a layer or one for the "
           "model.",
           enum_ref(m.leaky_slope)},
          {"model.leaky_init", "The negative slope, or its initial value where it is learned.",
           &m.leaky_init, any_number()},
          {"model.biases",
           "Which linear layers of a block have a bias: all, none, or the queries and keys alone.",
           enum_ref(m.biases)},
          {"model.tied_head", "The head shares the token embedding's matrix.", &m.tied_head},
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
           "The output projections of attention and FFN start smaller by 1 / sqrt(2 L).",
           &m.residual_scaling},
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
  return {describe_choices(config), describe_dropout(config)};
}

}  // namespace aero
