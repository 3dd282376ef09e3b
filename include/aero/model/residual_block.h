#pragma once

#include "aero/model/block.h"

namespace aero::model {

/// Makes a block of GPT-2 or Pythia, with a residual stream to which both branches add:
///   sequential (GPT-2)   h = x + attention(norm1(x)),  y = h + ffn(norm2(h))
///   parallel   (NeoX)    y = x + attention(norm1(x)) + ffn(norm2(x))
/// With a scaled FFN (ScFFN, arXiv 2410.13060), the sum is y = beta h + ffn / alpha; for a parallel
/// block, h = x + attention(norm1(x)). A block whose FFN is pruned ends with h.
Block make_residual_block(const ModelConfig& config, const Place& place, const PartFactory& factory,
                          const Part& shared_activation);

}  // namespace aero::model
