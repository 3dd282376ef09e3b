#pragma once

#include "aero/checkpoint/run_folder.h"

#include <cstdint>
#include <future>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aero::train {

/// Saves the states of a run in its folder, one after another: writes the checkpoint, marks the
/// best one and removes old ones. A save may run in a thread of its own, beside training. The
/// destructor waits for it.
class CheckpointSaver {
 public:
  /// One state to save. Its tensors are those that training changes.
  struct Order {
    checkpoint::Checkpoint state;
    RunConfig config;
    bool is_best = false;  ///< mark it as the best
  };

  /// What a save has done.
  struct Report {
    std::int64_t step = 0;
    double copy_seconds = 0;            ///< for which training waited; 0: it waited for the save
    double save_seconds = 0;            ///< for all files to be on the disk
    std::vector<std::string> warnings;  ///< of what can be done later
  };

  explicit CheckpointSaver(checkpoint::RunFolder folder) : folder_(std::move(folder)) {}

  /// Saves a state, and returns when it is on the disk. Throws Error where it could not be saved;
  /// earlier checkpoints are whole then. Must not be called while is_saving().
  Report save(const Order& order);

  /// Copies a state, and saves the copy in a thread. Where memory does not suffice for the copy, it
  /// saves the state before it returns. Must not be called while is_saving().
  void save_beside(const Order& order);

  /// Whether a save of save_beside() has no report yet.
  bool is_saving() const { return saving_.valid(); }
  /// Whether report() returns at once.
  bool is_done() const;
  /// Waits for a save of save_beside() and returns its report. Throws as save() does.
  Report report() { return saving_.get(); }

  /// Writes the mark of the best checkpoint where that failed before. Returns why it failed again;
  /// empty where it is written. Must not be called while is_saving().
  std::string mark_best();

 private:
  checkpoint::RunFolder folder_;
  std::optional<std::int64_t> unmarked_best_;  // saved, but not marked yet
  std::future<Report> saving_;                 // last, so that the others outlive the thread
};

}  // namespace aero::train
