#pragma once

#include "aero/checkpoint/safetensors.h"

#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>

namespace aero::checkpoint {

/// Tensors that one thread writes to a file and another is about to change. The writer reads each
/// in place; before the other changes them, it copies those that are not written yet.
class LiveTensors : public TensorAccess {
 public:
  /// Adds a tensor on the CPU, once for each name that it has in the files.
  void add(const torch::Tensor& tensor);

  /// For the writer. begin() returns what to write: the tensor, or the copy of it. end() says that
  /// it is written. Others than those that were added stay as they are.
  torch::Tensor begin(const torch::Tensor& tensor) override;
  void end(const torch::Tensor& tensor) override;
  /// For the writer, whether or not it has written all: it reads none any more.
  void finish();

  /// For the other thread: when it returns, the writer reads no tensor in place any more. Waits for
  /// the one that is being written, and copies the rest; where memory does not suffice, waits for
  /// the writer. Returns the bytes that were copied.
  std::size_t release();

 private:
  struct Entry {
    torch::Tensor tensor;
    torch::Tensor copy;
    bool is_being_read = false;  // in place
    int unwritten = 0;           // names that share the numbers
  };

  std::size_t copy_rest();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<const void*, Entry> entries_;  // by the place of their numbers
  bool is_finished_ = false;
};

}  // namespace aero::checkpoint
