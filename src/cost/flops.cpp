#include "aero/cost/flops.h"

#include "count.h"

namespace aero::cost {
namespace {

/// Returns null for a role that does no work on single elements.
std::int64_t PointwiseFlops::*part_of(PrimitiveRole role) {
  switch (role) {
    case PrimitiveRole::norm:
      return &PointwiseFlops::norm;
    case PrimitiveRole::attention:
      return &PointwiseFlops::softmax;
    case PrimitiveRole::activation:
      return &PointwiseFlops::activation;
    case PrimitiveRole::scale:
      return &PointwiseFlops::scale;
    case PrimitiveRole::look_up:
    case PrimitiveRole::head:
    case PrimitiveRole::product:
      return nullptr;
  }
  throw Error("a primitive of an unknown role");
}

std::int64_t FullFlops::*part_of_product(const ForwardOperation& o) {
  if (o.primitive == Primitive::head) return &FullFlops::head;
  const bool is_ffn = o.name == "w_in" || o.name == "w_out" || o.name == "w";
  return is_ffn ? &FullFlops::ffn : &FullFlops::attention;
}

void add(std::int64_t& sum, Count count) {
  sum = (sum + count).value();
}

/// Counts pairs of a query and a visible key: the last query sees every key, the query before it
/// all keys but the last, and so on.
Count visible_pairs(const Pass& pass) {
  const std::int64_t masked = (Count(pass.queries) * (pass.queries - 1)).value() / 2;
  return Count(pass.queries) * pass.keys + -masked;
}

void add_product(const ForwardOperation& o, const Pass& pass, Flops& flops) {
  const auto part = part_of_product(o);
  const Count every = Count(2 * o.count) * o.m * o.k * o.n;
  add(flops.full.*part, every);
  add(flops.full.total, every);
  // Both products of a head have its width as the size beside queries and keys.
  const bool is_masked = o.operand == Operand::activation;
  const std::int64_t d_head = o.name == "scores" ? o.k : o.n;
  const Count visible = is_masked ? Count(2 * o.count) * d_head * visible_pairs(pass) : every;
  add(flops.causal.*part, visible);
  add(flops.causal.total, visible);
}

void add_pointwise(const ForwardOperation& o, bool norm_bias, PointwiseFlops& flops) {
  const PrimitiveTraits& row = traits(o.primitive);
  const bool lacks_bias = row.primitive == Primitive::layernorm && !norm_bias;
  const Count all = Count(row.flops - (lacks_bias ? 1 : 0)) * o.count * o.m * o.n;
  add(flops.*part_of(row.role), all);
  add(flops.total, all);
}

PaperFlops paper_flops(const ModelConfig& m, const Pass& pass, std::int64_t ffn) {
  const bool simplified = m.family == Family::simplified;
  const Count projections = Count(simplified ? 4 : 8) * pass.queries * m.d_model * m.d_model;
  const Count scores = Count(simplified ? 2 : 3) * pass.queries * pass.keys * m.d_model;
  return {.ffn = ffn, .attention = (m.n_layer * (projections + scores)).value()};
}

}  // namespace

Flops forward_flops(const ModelConfig& config) {
  return forward_flops(config, whole_context(config));
}

Flops forward_flops(const ModelConfig& config, const Pass& pass) {
  Flops flops;
  for (const ForwardOperation& o : forward_operations(config, pass)) {
    const PrimitiveRole role = traits(o.primitive).role;
    if (role == PrimitiveRole::look_up) continue;
    if (role == PrimitiveRole::product || role == PrimitiveRole::head) {
      add_product(o, pass, flops);
    } else {
      add_pointwise(o, config.norm_bias, flops.pointwise);
    }
  }
  flops.paper = paper_flops(config, pass, flops.full.ffn);
  return flops;
}

std::int64_t training_flops_per_token(const ModelConfig& config) {
  return (3 * Count(forward_flops(config).full.total / config.context)).value();
}

std::int64_t training_flops_per_step(const RunConfig& config) {
  const Count contexts = Count(config.train.batch_size) * config.train.accumulation;
  return (contexts * 3 * forward_flops(config.model).full.total).value();
}

}  // namespace aero::cost
