#pragma once

#include <torch/types.h>

namespace aero::ops {

/// Returns x. Its gradient goes on to x after those of all uses of x that come later in the forward
/// pass: the backward pass takes up first what the forward pass came to last.
///
/// A tied head's gradient [V, d] would otherwise be the first of two, and PyTorch adds rows, which
/// the tokens' gradient is, to a matrix in place only where the rows came first.
torch::Tensor with_late_gradient(const torch::Tensor& x);

}  // namespace aero::ops
