#pragma once

#include "aero/dist/communicator.h"

#include <torch/types.h>

#include <utility>
#include <vector>

namespace aero::dist {

/// Shares the numbers of tensors among ranks, so that each rank works on its part of every tensor
/// alone. Of a tensor of N numbers, each of n ranks has ceil(N / n) in a row, and the last ranks the
/// rest. A process alone has all of them.
class Sharding {
 public:
  explicit Sharding(Communicator communicator = {}) : communicator_(std::move(communicator)) {}

  const Communicator& communicator() const { return communicator_; }
  bool is_whole() const { return communicator_.is_alone(); }

  /// Returns this rank's part of a tensor, which is contiguous, as a flat view, perhaps of no
  /// numbers; the tensor itself where there is one process.
  torch::Tensor part(const torch::Tensor& x) const;

  /// Gives each rank all numbers of contiguous tensors, of which it has its part.
  void complete(const std::vector<torch::Tensor>& tensors) const;

 private:
  Communicator communicator_;
};

}  // namespace aero::dist
