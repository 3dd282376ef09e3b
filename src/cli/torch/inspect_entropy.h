#pragma once

#include "cli/torch/loaded_model.h"

#include <cstdint>
#include <string>

namespace aero::cli {

struct EntropyInspection {
  std::string data;  ///< corpus; empty: the one that the model was trained on
  std::string split = "val";
  bool other_tokenizer = false;  ///< whether the corpus's tokenizer may differ from the model's
  std::int64_t batches = 4;
  bool json = false;
  int columns = 0;  ///< width of tables (report::fit_tables); 0: unlimited
};

/// Prints the attention entropy of every head, the share of heads in each of four bins
/// (train::EntropyStatistics::bins), and the model's learned scalars.
void inspect_entropy(LoadedModel& model, const EntropyInspection& inspection);

}  // namespace aero::cli
