#pragma once

#include "aero/dist/communicator.h"

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace aero::dist {

/// Sums gradients over all ranks while the backward pass still runs. The parameters stand, last one
/// first, in buckets of flat memory. A hook on each parameter copies its gradient there as soon as
/// it is complete; a bucket that is full is sent, in the order of the buckets, while the pass goes
/// on with the layers before.
class GradientSum {
 public:
  static constexpr std::int64_t usual_bucket_bytes = 8 << 20;

  /// Sums in `dtype` where it has fewer bits than a parameter's, else in the parameter's dtype. The
  /// parameters must outlive this object, and have no other hook of this kind.
  GradientSum(Communicator communicator, std::vector<torch::Tensor> parameters,
              torch::ScalarType dtype, std::int64_t bucket_bytes = usual_bucket_bytes);
  ~GradientSum();
  GradientSum(const GradientSum&) = delete;
  GradientSum& operator=(const GradientSum&) = delete;

  /// Call it before the last backward pass of a step: its gradients are sent as they come.
  void begin();
  /// Call it after that pass. Each parameter's gradient then is the sum over all ranks; it stays
  /// undefined where it is on every rank. Gradients live in the buckets up to the next begin().
  void finish();

 private:
  class Buckets;
  std::shared_ptr<Buckets> buckets_;
};

}  // namespace aero::dist
