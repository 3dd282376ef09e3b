#pragma once

#include "aero/model/decoder.h"

namespace aero::model {

/// Fills a decoder from `seed`, in the order of its parameters: matrices and embeddings N(0, std),
/// std = init_std or 1/sqrt(d) (InitRule); with residual_scaling the output projections of both
/// branches start at std / sqrt(2 L) (GPT-2); biases 0. In the family simplified W_Q and the
/// values' matrix of layer 0 are 0. The gain of weight normalisation is the norm of the drawn rows;
/// the vectors of spectral normalisation are drawn last. Norms, slopes, scales, temperatures and
/// thresholds stay as the model was built: at their initial values. One's own parts then start
/// themselves by ModuleImpl::initialize(), each from a generator of its own, so that what AERO
/// draws does not depend on them. On the CPU the same seed gives the same weights whatever the
/// device the model moves to later.
void initialize(DecoderImpl& decoder, std::uint64_t seed);

}  // namespace aero::model
