#pragma once

#include "aero/dist/communicator.h"
#include "aero/model/decoder.h"

namespace aero::train {

/// Makes running averages over batches those of all ranks' batches, after the forward passes of a
/// step that began with the same averages everywhere. This rank has `part` of each batch. These are
/// the deviations of fixed norms. A part that a program brings has its statistics to itself.
void average_statistics(model::DecoderImpl& decoder, const dist::Communicator& communicator,
                        double part);

}  // namespace aero::train
