#pragma once

#include "aero/checkpoint/safetensors.h"
#include "aero/model/decoder.h"

namespace aero::train {

/// Copies weights into a decoder. Throws an Error that names the tensors which are missing, unknown
/// or of another shape.
void load_weights(model::DecoderImpl& decoder, const checkpoint::TensorMap& weights);

}  // namespace aero::train
