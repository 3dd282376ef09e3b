#pragma once

#include "aero/model/module.h"
#include "aero/ops/residual.h"

#include <memory>

namespace aero::model {

/// A part of a block that maps [..., n] to [..., m]: a norm, an activation, a projection, a
/// dropout, a whole FFN. The model chooses it once, when it is built.
class PartImpl : public ModuleImpl {
 public:
  virtual torch::Tensor forward(const torch::Tensor& x) = 0;

  /// Gives x + branch, or x where the branch is undefined, and forward() of that sum, cast to
  /// autocast's dtype if `cast`. A norm may compute all of it in one sweep, and its backward pass
  /// may add the gradients in one, so let what else reads x read the sum in its place.
  virtual ops::Summed forward_sum(const torch::Tensor& x, const torch::Tensor& branch, bool cast);

  /// Tells whether forward() casts x to autocast's dtype before it does anything else, as a matrix
  /// product does. It then gives the same for an x that is cast already.
  virtual bool casts_input() const { return false; }
};

using Part = std::shared_ptr<PartImpl>;

/// An absent part, which returns its input: no parameter, no kernel.
class AbsentImpl : public PartImpl {
 public:
  torch::Tensor forward(const torch::Tensor& x) override { return x; }
  ops::Summed forward_sum(const torch::Tensor& x, const torch::Tensor& branch, bool cast) override;
};

/// Calls a part that another module owns.
class StandInImpl : public PartImpl {
 public:
  torch::Tensor forward(const torch::Tensor& x) override { return part->forward(x); }

  Part part;
};

/// Makes dropout with probability p in training; an absent part when p is 0.
Part make_dropout(double p);

}  // namespace aero::model
