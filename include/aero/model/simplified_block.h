#pragma once

#include "aero/model/block.h"

namespace aero::model {

/// Makes a simplified block of He and Hofmann (arXiv 2311.01906). It has no skip around attention,
/// no output projection, and no values' matrix after layer 0 (ShapedAttentionImpl). a, m_s and m_r
/// are learned scalars:
///   sequential (SAS)     h = a attention(norm1(x)),  y = m_s h + m_r ffn(norm2(h))
///   parallel   (SAS-P)   y = a attention(n) + m_r ffn(n),  n = norm1(x)
/// A block whose FFN is pruned ends with a attention(norm1(x)). A model without norms keeps one
/// LayerNorm, before the attention of layer 0.
Block make_simplified_block(const ModelConfig& config, const Place& place,
                            const PartFactory& factory, const Part& shared_activation);

}  // namespace aero::model
