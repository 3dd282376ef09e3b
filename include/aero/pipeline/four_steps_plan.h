#pragma once

#include "aero/config/run_config.h"
#include "aero/pipeline/change.h"
#include "aero/pipeline/pricing.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace aero::pipeline {

/// A model that a step tries.
struct Candidate {
  std::string architecture;   ///< in the step of regularisation: of the attention alone, "EReg(SM)"
  std::string name;           ///< empty: the canonical name of the whole model
  std::vector<Change> set{};  ///< further keys; they stay set in the steps that follow
};

/// What `aero pipeline` is to do: from a baseline through the four steps (arXiv 2410.13060), then
/// entropy regularisation (arXiv 2501.03489).
struct FourSteps {
  std::filesystem::path file;
  std::filesystem::path base;
  std::string name;
  std::filesystem::path folder;  ///< holds FOLDER/<step>-<slug>/seed-<s> and pipeline.md, .json
  std::vector<std::int64_t> seeds;
  bool warm_start = false;       ///< from the weights of the step before, not from scratch
  double tolerance = 0.01;       ///< relative rise of perplexity that pruning may cost
  std::int64_t max_pruned = 0;   ///< the largest k of _i<k> to try
  Pricings pricings;             ///< what private inference of each model costs
  RunConfig baseline;            ///< effective; a run adds seed and folder
  std::filesystem::path loaded;  ///< run or checkpoint of a trained baseline; empty: it is trained
  std::string evaluated;         ///< what baseline.json says of it, once that was evaluated here
  std::vector<Candidate> without_norm;        ///< step 1, at least one
  std::vector<Candidate> without_activation;  ///< step 2, at least one
  std::vector<Candidate> regularised;         ///< step 4; empty: the step is left out
};

}  // namespace aero::pipeline
