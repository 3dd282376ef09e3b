#include "aero/cost/flops.h"

#include "count.h"
#include "pieces.h"

namespace aero::cost {
namespace {

Count products(const ModelConfig& m, Part part) {
  Count sum = 0;
  for (const Matrix& matrix : block_matrices(m)) {
    if (matrix.part == part) sum += Count(2 * matrix.count) * m.context * matrix.out * matrix.in;
  }
  return sum;
}

}  // namespace

Flops forward_flops(const ModelConfig& m) {
  const bool simplified = m.family == Family::simplified;
  const Count layers = m.n_layer;
  const Count t = m.context;
  const Count d = m.d_model;

  const Count ffn = products(m, Part::ffn);
  const Count scores = layers * t * t * d;
  const Count paper_attention =
      layers * (simplified ? 4 : 8) * t * d * d + (simplified ? 2 : 3) * scores;
  const Count attention = products(m, Part::attention) + 4 * scores;
  const Count head = 2 * t * d * m.vocab_size;

  return {.paper = {.ffn = ffn.value(), .attention = paper_attention.value()},
          .full = {.ffn = ffn.value(),
                   .attention = attention.value(),
                   .head = head.value(),
                   .total = (ffn + attention + head).value()}};
}

std::int64_t training_flops_per_token(const ModelConfig& config) {
  return (3 * Count(forward_flops(config).full.total / config.context)).value();
}

std::int64_t training_flops_per_step(const RunConfig& config) {
  const Count contexts = Count(config.train.batch_size) * config.train.accumulation;
  return (contexts * 3 * forward_flops(config.model).full.total).value();
}

}  // namespace aero::cost
