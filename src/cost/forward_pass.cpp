#include "aero/cost/forward_pass.h"

#include "aero/config/enum_names.h"
#include "aero/core/error.h"
#include "aero/core/text.h"

#include "count.h"

#include <utility>

namespace aero::cost {
namespace {

Primitive weights_primitive(AttentionKind kind) {
  switch (kind) {
    case AttentionKind::softmax:
      return Primitive::softmax;
    case AttentionKind::two_quad:
      return Primitive::softmax_2quad;
    case AttentionKind::relu:
      return Primitive::relu_attention;
  }
  throw Error("an attention of an unknown kind");
}

void check(const ModelConfig& m, const Pass& pass) {
  const auto refuse = [](const std::string& what) { throw UsageError("forward pass: " + what); };
  if (pass.queries < 1) {
    refuse(
        fmt::format("queries: {}: at least one position must go through the model", pass.queries));
  }
  if (pass.keys < pass.queries) {
    refuse(fmt::format("keys: {}: fewer than the {} queries, each of which attends to itself",
                       pass.keys, pass.queries));
  }
  if (pass.keys > m.context) {
    refuse(fmt::format("keys: {}: more than model.context = {}", pass.keys, m.context));
  }
  if (pass.logits < 0 || pass.logits > pass.queries) {
    refuse(fmt::format("logits: {}: must be from 0 to the {} queries", pass.logits, pass.queries));
  }
}

/// Goes through a model as model::Decoder does, part by part.
class Walk {
 public:
  Walk(const ModelConfig& config, const Pass& pass)
      : m_(config),
        pass_(pass),
        simplified_(config.family == Family::simplified),
        parallel_(config.parallel_residual) {}

  std::vector<ForwardOperation> operations() {
    embed();
    for (layer_ = 0; layer_ < m_.n_layer; ++layer_) block();
    layer_ = -1;
    finish();
    return std::move(operations_);
  }

 private:
  void add(ForwardOperation operation) {
    operation.layer = layer_;
    (void)(Count(operation.count) * operation.m * operation.k * operation.n);
    operations_.push_back(std::move(operation));
  }

  void add_product(const char* name, std::int64_t in, std::int64_t out) {
    add({.name = name,
         .primitive = Primitive::matmul,
         .operand = Operand::weight,
         .m = pass_.queries,
         .k = in,
         .n = out});
  }

  void add_scale(const char* name, Operand operand, bool folds) {
    add({.name = name,
         .primitive = Primitive::multiply,
         .operand = operand,
         .m = pass_.queries,
         .n = m_.d_model,
         .folds = folds});
  }

  void add_norm(const char* name, NormKind kind, std::int64_t rows) {
    if (kind == NormKind::none) return;
    // A fixed norm is linear.
    if (kind == NormKind::layernorm_fixed) return add_scale(name, Operand::weight, true);
    add({.name = name, .primitive = primitive_named(enum_name(kind)), .m = rows, .n = m_.d_model});
  }

  void embed() {
    const auto look_up = [&](Primitive table, std::int64_t rows) {
      add({.name = std::string(traits(table).name),
           .primitive = table,
           .operand = Operand::weight,
           .m = pass_.queries,
           .k = rows,
           .n = m_.d_model});
    };
    look_up(Primitive::embedding, m_.vocab_size);
    if (m_.family != Family::pythia) look_up(Primitive::position, m_.position_rows());
  }

  void block() {
    const bool has_ffn = m_.has_ffn(layer_);
    // If the family simplified has no norms, one still stands before the first attention.
    const bool first = simplified_ && m_.norm == NormKind::none && layer_ == 0;
    add_norm("norm1", first ? NormKind::layernorm : m_.norm, pass_.queries);
    attention();
    if (simplified_) add_scale("attention_gain", Operand::weight, true);
    if (!has_ffn) return;
    const bool shares_norm = simplified_ && parallel_;
    if (!shares_norm) add_norm("norm2", m_.norm, pass_.queries);
    ffn();
    const bool is_linear = m_.norm == NormKind::none || m_.norm == NormKind::layernorm_fixed;
    if (simplified_) {
      if (!parallel_) add_scale("skip_gain", Operand::weight, is_linear);
      add_scale("ffn_gain", Operand::weight, true);
    } else if (m_.ffn_scaled) {
      add_scale("alpha", Operand::weight, true);
      add_scale("beta", Operand::weight, is_linear);
    }
  }

  void attention() {
    const auto d = m_.d_model;
    add_product("q", d, d);
    add_product("k", d, d);
    if (!simplified_ || layer_ == 0) add_product("v", d, d);
    if (simplified_ && layer_ == 0) {
      add_scale("value_gain", Operand::weight, true);
      add_scale("value_skip", Operand::weight, true);
    }
    if (m_.family == Family::pythia) rotate();
    if (m_.temperature != TemperatureForm::none) {
      const bool folds = m_.temperature_shape == TemperatureShape::head;
      add_scale("temperature", Operand::weight, folds);
    }
    if (m_.attention_scaled) add_scale("attention_scale", Operand::constant, true);
    mix();
    if (!simplified_) return add_product("o", d, d);
    add_scale("shaped_alpha", Operand::weight, false);
    add_scale("shaped_beta", Operand::weight, false);
    add_scale("shaped_mean", Operand::constant, true);
    add_scale("shaped_gamma", Operand::weight, false);
  }

  void rotate() {
    for (const char* name : {"rotary_q", "rotary_k"}) {
      add({.name = name,
           .primitive = Primitive::multiply,
           .operand = Operand::constant,
           .m = pass_.queries,
           .n = 2 * m_.n_head * m_.rotary_dimensions()});
    }
  }

  void mix() {
    const auto by_head = [&](const char* name, std::int64_t in, std::int64_t out) {
      add({.name = name,
           .primitive = Primitive::matmul,
           .operand = Operand::activation,
           .count = m_.n_head,
           .m = pass_.queries,
           .k = in,
           .n = out});
    };
    by_head("scores", m_.d_head(), pass_.keys);
    const Primitive weights = weights_primitive(m_.attention);
    add({.name = std::string(traits(weights).name),
         .primitive = weights,
         .count = m_.n_head,
         .m = pass_.queries,
         .n = pass_.keys});
    by_head("mix", pass_.keys, m_.d_head());
  }

  void ffn() {
    const auto d = m_.d_model;
    if (m_.ffn_fused) return add_product("w", d, d);
    const auto inner = m_.ffn_width();
    add_product("w_in", d, inner);
    if (m_.activation != ActivationKind::none) {
      add({.name = "activation",
           .primitive = primitive_named(enum_name(m_.activation)),
           .m = pass_.queries,
           .n = inner});
    }
    add_product("w_out", inner, d);
  }

  void finish() {
    if (pass_.logits == 0) return;
    add_norm("final_norm", m_.final_norm_kind(), pass_.logits);
    add({.name = "head",
         .primitive = Primitive::head,
         .operand = Operand::weight,
         .m = pass_.logits,
         .k = m_.d_model,
         .n = m_.vocab_size});
  }

  ModelConfig m_;
  Pass pass_;
  bool simplified_;
  bool parallel_;
  std::int64_t layer_ = -1;
  std::vector<ForwardOperation> operations_;
};

}  // namespace

Pass whole_context(const ModelConfig& config) {
  return {.queries = config.context, .keys = config.context, .logits = config.context};
}

Pass prefill(const ModelConfig& config) {
  return {.queries = config.context, .keys = config.context, .logits = 1};
}

Pass one_token(const ModelConfig& config) {
  return {.queries = 1, .keys = config.context, .logits = 1};
}

std::vector<ForwardOperation> forward_operations(const ModelConfig& config, const Pass& pass) {
  check(config, pass);
  return Walk(config, pass).operations();
}

}  // namespace aero::cost
