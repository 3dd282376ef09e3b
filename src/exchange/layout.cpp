#include "layout.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>

namespace aero::exchange {
namespace {

/// Sizes of a module's matrix. A norm has no input size: its weight is a vector.
enum class Width { none, model, inner };

struct Module {
  std::string_view theirs;
  std::string_view ours;
  Width out = Width::model;
  Width in = Width::none;
};

constexpr std::string_view qkv = "attention.qkv";

constexpr std::array<Module, 6> gpt2_block{{
    {"ln_1", "norm1"},
    {"attn.c_attn", qkv, Width::model, Width::model},
    {"attn.c_proj", "attention.o", Width::model, Width::model},
    {"ln_2", "norm2"},
    {"mlp.c_fc", "ffn.w_in", Width::inner, Width::model},
    {"mlp.c_proj", "ffn.w_out", Width::model, Width::inner},
}};

constexpr std::array<Module, 6> neox_block{{
    {"input_layernorm", "norm1"},
    {"attention.query_key_value", qkv, Width::model, Width::model},
    {"attention.dense", "attention.o", Width::model, Width::model},
    {"post_attention_layernorm", "norm2"},
    {"mlp.dense_h_to_4h", "ffn.w_in", Width::inner, Width::model},
    {"mlp.dense_4h_to_h", "ffn.w_out", Width::model, Width::inner},
}};

/// The names and layouts of one family.
struct Naming {
  std::string_view prefix;  ///< of all tensors but the head
  std::string_view blocks;
  std::span<const Module> block;
  std::string_view tokens;
  std::string_view positions;  ///< empty: none
  std::string_view final_norm;
  std::string_view head;
  std::string_view other_head;  ///< in files of another version; empty: none
  bool is_transposed;
  Joint joint;
  std::array<std::string_view, 3> unread;  ///< ends of the names of buffers in a block
};

constexpr Naming gpt2{.prefix = "transformer.",
                      .blocks = "h.",
                      .block = gpt2_block,
                      .tokens = "wte.weight",
                      .positions = "wpe.weight",
                      .final_norm = "ln_f",
                      .head = "lm_head.weight",
                      .other_head = "",
                      .is_transposed = true,
                      .joint = Joint::side_by_side,
                      .unread = {".attn.bias", ".attn.masked_bias", ".attn.masked_bias"}};

// transformers 5 calls the head lm_head, and reads files that call it embed_out, as 4 does.
constexpr Naming neox{
    .prefix = "gpt_neox.",
    .blocks = "layers.",
    .block = neox_block,
    .tokens = "embed_in.weight",
    .positions = "",
    .final_norm = "final_layer_norm",
    .head = "embed_out.weight",
    .other_head = "lm_head.weight",
    .is_transposed = false,
    .joint = Joint::by_head,
    .unread = {".attention.bias", ".attention.masked_bias", ".attention.rotary_emb.inv_freq"}};

const Naming& naming_of(Family family) {
  switch (family) {
    case Family::gpt2:
      return gpt2;
    case Family::pythia:
      return neox;
    case Family::simplified:
      break;
  }
  throw std::logic_error("transformers has no such family");
}

std::int64_t size_of(Width width, const ModelConfig& config) {
  return width == Width::inner ? config.ffn_width() : config.d_model;
}

StoredTensor tensor_of(const Naming& naming, const Module& module, const std::string& their_block,
                       const std::string& our_block, const std::string& kind,
                       const ModelConfig& config) {
  StoredTensor entry;
  entry.name = fmt::format("{}{}.{}", their_block, module.theirs, kind);
  auto out = size_of(module.out, config);
  if (module.ours == qkv) {
    entry.joint = naming.joint;
    out *= 3;
    for (const char part : {'q', 'k', 'v'}) {
      entry.ours.push_back(fmt::format("{}attention.{}.{}", our_block, part, kind));
    }
  } else {
    entry.ours.push_back(fmt::format("{}{}.{}", our_block, module.ours, kind));
  }
  entry.shape = {out};
  if (kind == "weight" && module.in != Width::none) {
    entry.is_transposed = naming.is_transposed;
    const auto in = size_of(module.in, config);
    entry.shape = entry.is_transposed ? std::vector{in, out} : std::vector{out, in};
  }
  return entry;
}

/// Rows of Q, K and V of each head, one head after another: [H, 3, d_k, ...].
torch::Tensor split_by_head(const torch::Tensor& rows, const ModelConfig& config) {
  return rows.unflatten(0, {config.n_head, 3, config.d_head()});
}

}  // namespace

std::vector<StoredTensor> stored_tensors(const ModelConfig& config) {
  const auto& naming = naming_of(config.family);
  const std::string prefix(naming.prefix);
  const auto outer = [&](std::string_view theirs, const char* ours,
                         std::vector<std::int64_t> shape) {
    return StoredTensor{.name = prefix + std::string(theirs), .ours = {ours}, .shape = shape};
  };
  const auto d = config.d_model;
  std::vector<StoredTensor> all{outer(naming.tokens, "tokens.weight", {config.vocab_size, d})};
  if (!naming.positions.empty()) {
    all.push_back(outer(naming.positions, "positions.weight", {config.position_rows(), d}));
  }
  for (std::int64_t layer = 0; layer < config.n_layer; ++layer) {
    const auto theirs = fmt::format("{}{}{}.", prefix, naming.blocks, layer);
    const auto ours = fmt::format("blocks.{}.", layer);
    for (const auto& module : naming.block) {
      for (const char* kind : {"weight", "bias"}) {
        all.push_back(tensor_of(naming, module, theirs, ours, kind, config));
      }
    }
  }
  for (const char* kind : {"weight", "bias"}) {
    all.push_back(tensor_of(naming, {naming.final_norm, "final_norm"}, prefix, "", kind, config));
  }
  if (!config.tied_head) {
    all.push_back({.name = std::string(naming.head),
                   .ours = {"head.weight"},
                   .shape = {config.vocab_size, d}});
  }
  return all;
}

Weights unpacked(const StoredTensor& entry, const torch::Tensor& stored,
                 const ModelConfig& config) {
  const auto rows = entry.is_transposed ? stored.t() : stored;
  Weights result;
  for (std::size_t i = 0; i < entry.ours.size(); ++i) {
    auto part = rows;
    const auto at = static_cast<std::int64_t>(i);
    if (entry.joint == Joint::side_by_side) part = rows.chunk(3)[i];
    if (entry.joint == Joint::by_head)
      part = split_by_head(rows, config).select(1, at).flatten(0, 1);
    result[entry.ours[i]] = part.clone(torch::MemoryFormat::Contiguous);
  }
  return result;
}

torch::Tensor packed(const StoredTensor& entry, const Weights& ours, const ModelConfig& config) {
  std::vector<torch::Tensor> parts;
  for (const auto& name : entry.ours) {
    const auto found = ours.find(name);
    if (found != ours.end()) {
      parts.push_back(found->second);
    } else if (name.ends_with(".bias")) {
      const auto size = entry.shape.front() / static_cast<std::int64_t>(entry.ours.size());
      parts.push_back(torch::zeros({size}, ours.at("tokens.weight").options()));
    } else {
      throw Error(
          fmt::format("weights: \"{}\" is missing; the checkpoint does not fit its config", name));
    }
  }
  auto rows = parts.front();
  if (entry.joint == Joint::side_by_side) rows = torch::cat(parts);
  if (entry.joint == Joint::by_head) {
    for (auto& part : parts) part = part.unflatten(0, {config.n_head, config.d_head()});
    rows = torch::stack(parts, 1).flatten(0, 2);
  }
  return (entry.is_transposed ? rows.t() : rows).contiguous();
}

std::string name_in_model(Family family, const std::string& name) {
  const auto& naming = naming_of(family);
  if (std::ranges::any_of(naming.unread, [&](auto end) { return name.ends_with(end); })) return "";
  if (name == naming.head || (!naming.other_head.empty() && name == naming.other_head)) {
    return std::string(naming.head);
  }
  if (name.starts_with(naming.prefix)) return name;
  return std::string(naming.prefix) + name;
}

std::string_view head_name(Family family) {
  return naming_of(family).head;
}

std::string embedding_name(Family family) {
  const auto& naming = naming_of(family);
  return std::string(naming.prefix) + std::string(naming.tokens);
}

}  // namespace aero::exchange
