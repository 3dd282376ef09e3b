#pragma once

#include "aero/checkpoint/run_folder.h"

#include <cstdint>
#include <filesystem>

namespace aero::testing_support {

/// Leaves a whole checkpoint of that step in a run folder, of a model of two numbers.
inline void save_step(const std::filesystem::path& run, std::int64_t step) {
  std::filesystem::create_directories(run / "checkpoints");
  checkpoint::Checkpoint checkpoint;
  checkpoint.weights["w"] = torch::zeros({2});
  checkpoint.optimizer["w.exp_avg"] = torch::zeros({2});
  checkpoint.state.step = step;
  checkpoint::RunFolder(run).save(checkpoint, RunConfig{});
}

}  // namespace aero::testing_support
