#pragma once

#include "aero/model/block.h"

namespace aero::model {

/// The block of GPT-2 and Pythia, with a residual stream that both branches add to:
///   sequential (GPT-2)   h = x + attention(norm1(x)),  y = h + ffn(norm2(h))
///   parallel   (NeoX)    y = x + attention(norm1(x)) + ffn(norm2(x))
/// With a scaled FFN (ScFFN, arXiv 2410.13060) the sum is y = beta h + ffn / alpha, where under
/// parallel h = x + attention(norm1(x)). A block whose FFN is pruned ends with h.
Block make_residual_block(const ModelConfig& config, const Place& place, const PartFactory& factory,
                          const Part& shared_activation);

}  // namespace aero::model
