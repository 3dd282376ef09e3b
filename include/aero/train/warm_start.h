#pragma once

#include "aero/model/decoder.h"

#include <filesystem>
#include <string>
#include <vector>

namespace aero::train {

/// The tensors that a warm start could not copy.
struct WarmStart {
  std::vector<std::string> fresh;   ///< tensors of the model that the source lacks
  std::vector<std::string> unused;  ///< tensors of the source that the model lacks
};

/// Fills a decoder from the weights of a run or checkpoint, which may be of another architecture.
/// Copies every tensor of the same name and shape. First folds normalised matrices where the
/// model's are plain, and fuses FFNs where the model's are fused. Where the source is plain and the
/// model is not, fits the gains to the weights and finds the singular vectors. Other tensors stay
/// as they are. Throws UsageError where no tensor has the same name and shape, as between models of
/// different widths.
WarmStart warm_start(model::DecoderImpl& decoder, const std::filesystem::path& source);

}  // namespace aero::train
