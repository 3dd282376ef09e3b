#include "aero/cost/flops.h"

#include "count.h"

#include <array>

namespace aero::cost {
namespace {

struct Charge {
  const char* primitive;
  std::int64_t PointwiseFlops::*part;
  std::int64_t an_element;
};

constexpr std::array charges{Charge{"layernorm", &PointwiseFlops::norm, 7},
                             Charge{"rmsnorm", &PointwiseFlops::norm, 4},
                             Charge{"softmax", &PointwiseFlops::softmax, 5},
                             Charge{"softmax_2quad", &PointwiseFlops::softmax, 4},
                             Charge{"relu_attention", &PointwiseFlops::softmax, 2},
                             Charge{"gelu", &PointwiseFlops::activation, 5},
                             Charge{"gelu_tanh", &PointwiseFlops::activation, 9},
                             Charge{"relu", &PointwiseFlops::activation, 1},
                             Charge{"leaky_relu", &PointwiseFlops::activation, 2},
                             Charge{"quadratic", &PointwiseFlops::activation, 4},
                             Charge{"multiply", &PointwiseFlops::scale, 1}};

std::int64_t FullFlops::*part_of_product(const ForwardOperation& o) {
  if (o.name == "head") return &FullFlops::head;
  const bool is_ffn = o.name == "w_in" || o.name == "w_out" || o.name == "w";
  return is_ffn ? &FullFlops::ffn : &FullFlops::attention;
}

void add(std::int64_t& sum, Count count) {
  sum = (sum + count).value();
}

/// Pairs of a query and a key that it sees: the last query sees every key, the one before all but
/// the last, and so on.
Count visible_pairs(const Pass& pass) {
  const std::int64_t masked = (Count(pass.queries) * (pass.queries - 1)).value() / 2;
  return Count(pass.queries) * pass.keys + -masked;
}

void add_product(const ForwardOperation& o, const Pass& pass, Flops& flops) {
  const auto part = part_of_product(o);
  const Count every = Count(2 * o.count) * o.m * o.k * o.n;
  add(flops.full.*part, every);
  add(flops.full.total, every);
  // Both products of a head have its width beside queries and keys.
  const bool is_masked = o.operand == Operand::activation;
  const std::int64_t d_head = o.name == "scores" ? o.k : o.n;
  const Count visible = is_masked ? Count(2 * o.count) * d_head * visible_pairs(pass) : every;
  add(flops.causal.*part, visible);
  add(flops.causal.total, visible);
}

void add_pointwise(const ForwardOperation& o, bool norm_bias, PointwiseFlops& flops) {
  for (const Charge& charge : charges) {
    if (o.primitive != charge.primitive) continue;
    const bool lacks_bias = o.primitive == "layernorm" && !norm_bias;
    const Count all = Count(charge.an_element - (lacks_bias ? 1 : 0)) * o.count * o.m * o.n;
    add(flops.*charge.part, all);
    add(flops.total, all);
    return;
  }
  throw Error("forward pass: \"" + o.primitive + "\": its FLOPs are not known");
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
    const bool is_look_up = o.primitive == "embedding" || o.primitive == "position";
    if (is_look_up) continue;
    if (o.primitive == "matmul" || o.primitive == "head") {
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
