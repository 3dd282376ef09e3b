#pragma once

#include "aero/checkpoint/live_tensors.h"
#include "aero/checkpoint/run_folder.h"

#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
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
  struct Order {
    checkpoint::Checkpoint state;
    RunConfig config;
    bool is_best = false;  ///< mark it as the best
  };

  /// What a save has done.
  struct Report {
    std::int64_t step = 0;
    double seconds = 0;                 ///< until all files were on the disk
    double waited_seconds = 0;          ///< in release()
    std::size_t copied_bytes = 0;       ///< in release()
    std::vector<std::string> warnings;  ///< of what can be done later
  };

  explicit CheckpointSaver(checkpoint::RunFolder folder) : folder_(std::move(folder)) {}

  /// Saves a state, and returns when it is on the disk. Throws Error where it could not be saved;
  /// earlier checkpoints are whole then. Must not be called while is_saving().
  Report save(const Order& order) { return save(order, nullptr); }

  /// Saves a state in a thread, which reads tensors on the CPU in place: call release() before they
  /// change. Tensors of a GPU are copied before it returns. Must not be called while is_saving().
  void save_beside(Order order);
  /// Makes sure that no thread reads the state's tensors in place, by copies of those that are not
  /// written yet.
  void release();

  /// Whether a save of save_beside() has no report yet.
  bool is_saving() const { return saving_.valid(); }
  /// Whether report() returns at once.
  bool is_done() const;
  /// Waits for a save of save_beside() and returns its report. Throws as save() does.
  Report report();

  /// Writes the mark of the best checkpoint where that failed before. Returns why it failed again;
  /// empty where it is written. Must not be called while is_saving().
  std::string mark_best();

 private:
  Report save(const Order& order, checkpoint::TensorAccess* access);

  checkpoint::RunFolder folder_;
  std::optional<std::int64_t> unmarked_best_;  // saved, but not marked yet
  std::unique_ptr<checkpoint::LiveTensors> live_;
  double waited_seconds_ = 0;
  std::size_t copied_bytes_ = 0;
  std::future<Report> saving_;  // last, so that the others outlive the thread
};

}  // namespace aero::train
