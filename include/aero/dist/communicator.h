#pragma once

#include "aero/dist/launch.h"
#include "aero/dist/rank_lost.h"

#include <torch/types.h>

#include <functional>
#include <memory>
#include <string>

namespace aero::dist {

class Group;

/// The processes that train together, and this one's rank among them. A default one is a process
/// alone: it is rank 0 of 1, and its operations return at once. Copies are the same group.
///
/// All ranks call the operations in the same order, with tensors of the same sizes. Each operation
/// throws RankLost, within some seconds, where a rank has died. Behind it is c10d: gloo on the CPU,
/// NCCL on GPUs. No other code of AERO knows of either.
class Communicator {
 public:
  Communicator() = default;

  /// Joins the others, and returns once all ranks are connected. The group sums tensors on
  /// `device`. Throws UsageError where this AERO was built without a backend for the device, and
  /// Error where a rank does not come within five minutes.
  Communicator(const Launch& launch, torch::Device device);

  bool is_alone() const { return group_ == nullptr; }
  int rank() const;
  int ranks() const;
  /// Whether this is rank 0, which writes all files.
  bool leads() const { return rank() == 0; }

  /// Replaces x by its sum over all ranks, which has the same bits on each.
  void sum(const torch::Tensor& x) const;
  /// Starts to do so. x must be left alone until the function that this returns is called, which
  /// waits for the sum.
  std::function<void()> start_sum(const torch::Tensor& x) const;
  /// Replaces x by that of rank `from`.
  void broadcast(const torch::Tensor& x, int from = 0) const;
  /// Returns the text of rank 0.
  std::string broadcast(const std::string& text) const;
  /// Replaces x, [ranks, n], by the rows of the ranks: row r is that of rank r.
  void gather(const torch::Tensor& x) const;
  /// Returns the texts of all ranks to each, in order of rank.
  std::vector<std::string> gather(const std::string& text) const;

  /// Says to the other ranks why this one ends. Never throws.
  void report_fault(const std::string& reason) const noexcept;
  /// Ends the group in order, once all ranks have come here. No operation may follow. A group that
  /// is not ended so is given up where this process ends.
  void leave() const;

 private:
  std::shared_ptr<Group> group_;
};

/// A store at a free port of this machine, where processes meet that this one starts.
class StoreServer {
 public:
  StoreServer();
  ~StoreServer();
  StoreServer(const StoreServer&) = delete;
  StoreServer& operator=(const StoreServer&) = delete;

  int port() const;

 private:
  class Store;
  std::unique_ptr<Store> store_;
};

}  // namespace aero::dist
