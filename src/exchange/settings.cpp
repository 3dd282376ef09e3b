#include "settings.h"

#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/core/numbers.h"
#include "aero/core/text.h"

#include "settings_reader.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace aero::exchange {
namespace {

struct Activation {
  std::string_view theirs;
  ActivationKind ours;
};

/// Of several names of one function, the first is written.
constexpr std::array<Activation, 5> activations{{
    {"gelu_new", ActivationKind::gelu_tanh},
    {"gelu_pytorch_tanh", ActivationKind::gelu_tanh},
    {"gelu", ActivationKind::gelu},
    {"relu", ActivationKind::relu},
    {"linear", ActivationKind::none},
}};

ActivationKind activation_of(const SettingsReader& settings, const std::string& key,
                             const char* absent) {
  const auto name = settings.text(key, absent);
  const auto* const found = std::ranges::find(activations, name, &Activation::theirs);
  if (found == activations.end()) {
    settings.refuse(key,
                    "AERO has no such activation; it has gelu, gelu_new, gelu_pytorch_tanh, relu "
                    "and linear");
  }
  return found->ours;
}

std::string_view name_of(ActivationKind activation) {
  return std::ranges::find(activations, activation, &Activation::ours)->theirs;
}

/// Refuses what would change the computation and stands in no model of AERO's.
void require_plain_model(const SettingsReader& settings) {
  if (settings.is_set("auto_map")) {
    settings.refuse("auto_map", "the model has code of its own, which AERO does not run");
  }
  for (const char* key : {"quantization_config", "pruned_heads", "is_encoder_decoder",
                          "add_cross_attention", "scale_attn_by_inverse_layer_idx"}) {
    if (settings.is_set(key)) settings.refuse(key, "AERO has no counterpart of it");
  }
  for (const auto& name : settings.texts("architectures")) {
    const bool is_decoder = name == "GPT2LMHeadModel" || name == "GPT2Model" ||
                            name == "GPTNeoXForCausalLM" || name == "GPTNeoXModel";
    if (!is_decoder) {
      settings.refuse("architectures",
                      "AERO has language models alone; name a GPT2LMHeadModel or a "
                      "GPTNeoXForCausalLM");
    }
  }
}

ModelConfig read_gpt2(const SettingsReader& settings) {
  ModelConfig config{.family = Family::gpt2};
  config.vocab_size = settings.integer("vocab_size", 50257);
  config.context = settings.integer("n_positions", 1024);
  config.d_model = settings.integer("n_embd", 768);
  config.n_layer = settings.integer("n_layer", 12);
  config.n_head = settings.integer("n_head", 12);
  config.d_ffn = settings.integer("n_inner", 0);
  config.activation = activation_of(settings, "activation_function", "gelu_new");
  config.norm_eps = settings.number("layer_norm_epsilon", 1e-5);
  config.attention_scaled = settings.flag("scale_attn_weights", true);
  config.tied_head = settings.flag("tie_word_embeddings", true);
  config.dropout_embedding = settings.number("embd_pdrop", 0.1);
  config.dropout_attention = settings.number("attn_pdrop", 0.1);
  config.dropout_residual = settings.number("resid_pdrop", 0.1);
  return config;
}

nlohmann::ordered_json gpt2_settings(const ModelConfig& config) {
  return {{"architectures", {"GPT2LMHeadModel"}},
          {"model_type", "gpt2"},
          {"vocab_size", config.vocab_size},
          {"n_positions", config.position_rows()},
          {"n_embd", config.d_model},
          {"n_layer", config.n_layer},
          {"n_head", config.n_head},
          {"n_inner", config.ffn_width()},
          {"activation_function", name_of(config.activation)},
          {"layer_norm_epsilon", config.norm_eps},
          {"scale_attn_weights", config.attention_scaled},
          {"tie_word_embeddings", config.tied_head},
          {"embd_pdrop", config.dropout_embedding},
          {"attn_pdrop", config.dropout_attention},
          {"resid_pdrop", config.dropout_residual}};
}

/// transformers 4 has rotary_pct, rotary_emb_base and rope_scaling, 5 has rope_parameters.
void read_rotary(const SettingsReader& settings, ModelConfig& config) {
  config.rotary_fraction = settings.number("rotary_pct", 0.25);
  config.rotary_base = settings.number("rotary_emb_base", 10000);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const auto rope = settings.inner(key);
    if (!rope) continue;
    for (const char* kind : {"type", "rope_type"}) {
      if (rope->text(kind, "default") == "default") continue;
      settings.refuse(key, "AERO has no scaled rotary embeddings, only rope_type \"default\"");
    }
    if (rope->is_set("factor")) settings.refuse(key, "AERO has no scaled rotary embeddings");
    config.rotary_base = rope->number("rope_theta", config.rotary_base);
    config.rotary_fraction = rope->number("partial_rotary_factor", config.rotary_fraction);
  }
}

ModelConfig read_neox(const SettingsReader& settings) {
  if (!settings.flag("attention_bias", true)) {
    settings.refuse("attention_bias",
                    "AERO has biases in all layers of a block, in none, or in queries and keys");
  }
  ModelConfig config{.family = Family::pythia};
  config.vocab_size = settings.integer("vocab_size", 50432);
  config.context = settings.integer("max_position_embeddings", 2048);
  config.d_model = settings.integer("hidden_size", 6144);
  config.n_layer = settings.integer("num_hidden_layers", 44);
  config.n_head = settings.integer("num_attention_heads", 64);
  config.d_ffn = settings.integer("intermediate_size", 24576);
  config.activation = activation_of(settings, "hidden_act", "gelu");
  config.norm_eps = settings.number("layer_norm_eps", 1e-5);
  config.parallel_residual = settings.flag("use_parallel_residual", true);
  config.tied_head = settings.flag("tie_word_embeddings", false);
  config.dropout_embedding = settings.number("hidden_dropout", 0);
  config.dropout_residual = config.dropout_embedding;
  config.dropout_attention = settings.number("attention_dropout", 0);
  read_rotary(settings, config);
  return config;
}

/// The keys of transformers 4, which 5 reads, too.
nlohmann::ordered_json neox_settings(const ModelConfig& config) {
  return {{"architectures", {"GPTNeoXForCausalLM"}},
          {"model_type", "gpt_neox"},
          {"vocab_size", config.vocab_size},
          {"max_position_embeddings", config.context},
          {"hidden_size", config.d_model},
          {"num_hidden_layers", config.n_layer},
          {"num_attention_heads", config.n_head},
          {"intermediate_size", config.ffn_width()},
          {"hidden_act", name_of(config.activation)},
          {"layer_norm_eps", config.norm_eps},
          {"use_parallel_residual", config.parallel_residual},
          {"rotary_pct", config.rotary_fraction},
          {"rotary_emb_base", config.rotary_base},
          {"attention_bias", true},
          {"tie_word_embeddings", config.tied_head},
          {"hidden_dropout", config.dropout_residual},
          {"attention_dropout", config.dropout_attention}};
}

/// Checks the ranges of a config from a file, as they are checked in AERO's own.
void check_ranges(const ModelConfig& config, const std::filesystem::path& file) {
  try {
    parse_model_config(to_json(config), "as AERO reads it");
  } catch (const UsageError& fault) {
    throw UsageError(fmt::format("{}: {}", file.string(), fault.what()));
  }
}

}  // namespace

ModelConfig read_settings(const std::filesystem::path& file) {
  const SettingsReader settings(file);
  const auto kind = settings.text("model_type", "");
  if (kind != "gpt2" && kind != "gpt_neox") {
    settings.refuse("model_type", "AERO imports gpt2 and gpt_neox (Pythia)");
  }
  require_plain_model(settings);
  auto config = kind == "gpt2" ? read_gpt2(settings) : read_neox(settings);
  if (config.d_model > 0 && config.d_ffn == 4 * config.d_model) config.d_ffn = 0;  // the default
  config.init_std = settings.number("initializer_range", 0.02);
  check_ranges(config, file);
  return config;
}

bool has_counterpart(ActivationKind activation) {
  return std::ranges::find(activations, activation, &Activation::ours) != activations.end();
}

nlohmann::ordered_json settings_of(const ModelConfig& config) {
  auto settings = config.family == Family::gpt2 ? gpt2_settings(config) : neox_settings(config);
  settings["initializer_range"] = config.init_std;
  return settings;
}

}  // namespace aero::exchange
