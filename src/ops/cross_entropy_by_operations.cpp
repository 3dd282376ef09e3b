#include "cross_entropy_paths.h"

#include <ATen/ATen.h>

#include <cstdint>
#include <limits>

namespace aero::ops {

CrossEntropyRows cross_entropy_by_operations(const torch::Tensor& logits, std::int64_t vocabulary,
                                             const torch::Tensor& targets, double room,
                                             bool with_gradient) {
  const auto wide = torch::promote_types(logits.scalar_type(), torch::kFloat32);
  const auto ignored = targets.eq(ignored_target);
  const auto target = targets.masked_fill(ignored, 0).unsqueeze(1);
  const auto unused = logits.size(1) - vocabulary;
  if (unused > 0) {
    logits.narrow(1, vocabulary, unused).fill_(-std::numeric_limits<double>::infinity());
  }
  auto log_probability = torch::log_softmax(logits, 1, wide);
  const auto hit = log_probability.gather(1, target);
  CrossEntropyRows rows;
  rows.losses = hit.squeeze(1).neg().masked_fill(ignored, 0);
  if (!with_gradient) return rows;
  rows.gradient = logits;
  // Both round to the dtype of the logits as they write.
  if (room == 1) {
    torch::exp_out(rows.gradient, log_probability);
  } else {
    torch::mul_out(rows.gradient, log_probability.exp_(), torch::scalar_tensor(room, wide));
  }
  rows.gradient.scatter_(1, target, hit.exp().sub_(1).mul_(room).to(logits.scalar_type()));
  return rows;
}

}  // namespace aero::ops
