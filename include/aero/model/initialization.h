#pragma once

#include "aero/model/decoder.h"

#include <cstdint>

namespace aero::model {

/// Fills a decoder from `seed`, in the order of its parameters.
///
/// Draws matrices and embeddings from N(0, std), where std is init_std or 1/sqrt(d) (InitRule).
/// With residual_scaling, the output projections of both branches have std / sqrt(2 L) (GPT-2).
/// Sets biases to 0, and in the family simplified also W_Q and the values' matrix of layer 0. Sets
/// the gain of weight normalisation to the norm of the drawn rows, and draws the vectors of
/// spectral normalisation last. Norms, slopes, scales, temperatures and thresholds keep the initial
/// values that they were built with.
///
/// Then calls ModuleImpl::initialize() of the parts of a program's own, each with a generator of
/// its own, so that they do not change what AERO draws. On the CPU, a seed gives the same weights
/// on whichever device the model computes later.
void initialize(DecoderImpl& decoder, std::uint64_t seed);

}  // namespace aero::model
