#pragma once

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aero::dist {

/// Watches over the ranks of a group, in a thread. Each rank writes a sign of life to the store and
/// reads those of the others, and the first fault that a rank reports. So a rank that dies is named
/// even where no connection breaks.
class Watch {
 public:
  /// Time without a sign of life after which a rank counts as lost.
  static constexpr std::chrono::seconds patience{5};

  /// `store` is used by this watch alone. `names` says for each rank which process it is, and
  /// `store_fault` what it means that the store is gone. All ranks must have called prepare().
  Watch(c10::intrusive_ptr<c10d::Store> store, int rank, std::vector<std::string> names,
        std::string store_fault);
  /// Gives the thread up, which ends with the process.
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// Writes what the watches of the other ranks read.
  static void prepare(c10d::Store& store, int rank);

  /// Returns the fault, if there is one: "rank 2 (process 4711 on node3): …".
  std::optional<std::string> fault() const;
  /// Does the same after a connection broke, and waits for a reason to be known.
  std::optional<std::string> await_fault() const;
  /// Reports a fault, unless another came first.
  void report(const std::string& fault) noexcept;
  /// Ends in order: the others no longer wait for signs of life.
  void leave();
  /// Whether all ranks have left. Call it after leave().
  bool all_left() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace aero::dist
