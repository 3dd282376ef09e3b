#pragma once

#include "aero/checkpoint/run_folder.h"
#include "aero/config/run_config.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aero::train {

/// Where a run goes on: at its last checkpoint that is whole.
struct ResumePoint {
  /// A later checkpoint that cannot be loaded.
  struct Damaged {
    std::int64_t step = 0;
    std::string fault;  ///< names the file
  };

  std::optional<checkpoint::Checkpoint> checkpoint;  ///< nothing: the run has no checkpoint
  std::int64_t step = 0;                             ///< of the checkpoint
  std::vector<Damaged> damaged;                      ///< later ones
};

/// Loads the last checkpoint of a run whose files are those that were saved. Throws a UsageError
/// where `config` cannot go on from it (check_resume), and an Error where all checkpoints that have
/// their files are damaged, or where a file may not be read.
ResumePoint find_resume_point(const checkpoint::RunFolder& folder, const RunConfig& config);

/// Renames the damaged checkpoints, and warns of each. Throws Error.
void set_aside(const ResumePoint& point, const checkpoint::RunFolder& folder);

}  // namespace aero::train
