#include "aero/cost/flops.h"

#include "count.h"

namespace aero::cost {

Flops forward_flops(const ModelConfig& m) {
  const Count layers = m.n_layer;
  const Count t = m.context;
  const Count d = m.d_model;

  const Count ffn = layers * 4 * t * d * m.ffn_width();
  const Count projections = layers * 8 * t * d * d;
  const Count scores = layers * t * t * d;
  const Count attention = projections + 4 * scores;
  const Count head = 2 * t * d * m.vocab_size;

  return {.paper = {.ffn = ffn.value(), .attention = (projections + 3 * scores).value()},
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
