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
  std::string architecture;   ///< in the last step, of the attention alone: "EReg(SM)"
  std::string name;           ///< empty: the canonical name of the whole model
  std::vector<Change> set{};  ///< further keys, which the steps that follow keep
};

/// A plan for `aero pipeline`, which takes a baseline through the steps of arXiv 2410.13060 and
/// then through the entropy regularisation of arXiv 2501.03489.
struct FourSteps {
  std::filesystem::path file;
  std::filesystem::path base;
  std::string name;
  std::filesystem::path folder;  ///< holds FOLDER/<step>-<slug>/seed-<s> and pipeline.md, .json
  std::vector<std::int64_t> seeds;
  bool warm_start = false;       ///< train on the weights of the step before, not from scratch
  double tolerance = 0.01;       ///< relative rise of perplexity that pruning may cause
  std::int64_t max_pruned = 0;   ///< the largest k of _i<k> to try
  Pricings pricings;             ///< what private inference of each model costs
  RunConfig baseline;            ///< effective config, to which a run adds its seed and folder
  std::filesystem::path loaded;  ///< run or checkpoint of a trained baseline; empty: train one
  std::string evaluated;         ///< baseline.json after the evaluation of a loaded baseline
  std::vector<Candidate> without_norm;        ///< step 1, at least one
  std::vector<Candidate> without_activation;  ///< step 2, at least one
  std::vector<Candidate> regularised;         ///< step 4; empty: leave the step out
};

}  // namespace aero::pipeline
