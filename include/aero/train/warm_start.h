#pragma once

#include "aero/model/decoder.h"

#include <filesystem>
#include <string>
#include <vector>

namespace aero::train {

/// What became of the tensors of a warm start.
struct WarmStart {
  std::vector<std::string> fresh;   ///< of the model, which the source lacks
  std::vector<std::string> unused;  ///< of the source, which the model lacks
};

/// Fills a decoder from the weights of a run or checkpoint of another architecture: every tensor of
/// the same name and shape. Normalised matrices are folded where the model's are plain, FFNs fused
/// where the model's are. Where the source is plain and the model is not, gains fit
/// the weights and singular vectors are sought anew. Other fresh tensors stay as they are. Throws
/// UsageError when the two have nothing in common that has the same shape, as models of different
/// widths.
WarmStart warm_start(model::DecoderImpl& decoder, const std::filesystem::path& source);

}  // namespace aero::train
