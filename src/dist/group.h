#pragma once

#include "aero/dist/launch.h"

#include "watch.h"

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <torch/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace aero::dist {

/// Time in which all ranks must come, as far as a launcher may let machines wait for one another.
inline constexpr std::chrono::minutes join_patience{5};

/// A connection to the store at which the ranks meet; a server where `serves`.
c10::intrusive_ptr<c10d::Store> open_store(const Launch& launch, bool serves);

/// Connects all ranks by the backend for tensors on `device`.
c10::intrusive_ptr<c10d::Backend> make_backend(const Launch& launch, torch::Device device,
                                               const c10::intrusive_ptr<c10d::Store>& store);

/// Throws UsageError where this AERO was built without a backend for `device`.
void require_backend(torch::Device device);

/// The ranks, connected.
class Group {
 public:
  Group(const Launch& launch, torch::Device device);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  int rank() const { return launch_.rank; }
  int ranks() const { return launch_.ranks; }
  torch::Device device() const { return device_; }
  c10d::Backend& backend() { return *backend_; }

  /// Waits for an operation. Throws RankLost.
  void wait(c10d::Work& work) const;
  void report_fault(const std::string& reason) noexcept;
  void leave();

 private:
  std::vector<std::string> meet();
  [[noreturn]] void fail(const std::string& fault) const;
  void let_others_read() const noexcept;

  Launch launch_;
  torch::Device device_;
  c10::intrusive_ptr<c10d::Store> server_;  // where this rank holds it
  c10::intrusive_ptr<c10d::Store> store_;
  std::unique_ptr<Watch> watch_;
  c10::intrusive_ptr<c10d::Backend> backend_;
  bool has_left_ = false;
};

}  // namespace aero::dist
