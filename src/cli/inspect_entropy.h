#pragma once

#include "cli/loaded_model.h"

#include <cstdint>
#include <string>

namespace aero::cli {

struct EntropyInspection {
  std::string data;  ///< corpus; empty: the one that the model was trained on
  std::string split = "val";
  bool other_tokenizer = false;  ///< the corpus's may differ from the model's
  std::int64_t batches = 4;
  bool json = false;
  int columns = 0;  ///< that tables are to fit (report::fit_tables); 0: any
};

/// Prints the attention entropy of every head, the four bins and the model's learned scalars.
void inspect_entropy(LoadedModel& model, const EntropyInspection& inspection);

}  // namespace aero::cli
