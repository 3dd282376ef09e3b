#include "aero/train/checkpoint_saver.h"

#include "aero/core/error.h"
#include "aero/core/files.h"

#include <chrono>
#include <exception>
#include <system_error>

namespace aero::train {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Copies tensors from a GPU. Adds those on the CPU to `live`.
void prepare(checkpoint::TensorMap& tensors, checkpoint::LiveTensors& live) {
  for (auto& [name, tensor] : tensors) {
    if (tensor.is_cpu()) {
      live.add(tensor);
    } else {
      tensor = tensor.cpu();
    }
  }
}

/// Says at the end of a save, however it ends, that no tensor is read any more.
class Finish {
 public:
  explicit Finish(checkpoint::LiveTensors& live) : live_(live) {}
  ~Finish() { live_.finish(); }
  Finish(const Finish&) = delete;
  Finish& operator=(const Finish&) = delete;

 private:
  checkpoint::LiveTensors& live_;
};

}  // namespace

CheckpointSaver::Report CheckpointSaver::save(const Order& order,
                                              checkpoint::TensorAccess* access) {
  const auto start = Clock::now();
  Report report;
  report.step = order.state.state.step;
  // After a power failure, the metrics must not be older than the weights.
  if (std::filesystem::exists(folder_.metrics_file())) sync_path(folder_.metrics_file());
  folder_.save(order.state, order.config, access);
  if (order.is_best) unmarked_best_ = report.step;
  if (const auto fault = mark_best(); !fault.empty()) {
    report.warnings.push_back(fault + "; training goes on, and tries to write the mark later");
  }
  try {
    folder_.prune(order.config.checkpoint.keep_last, unmarked_best_);
  } catch (const Error& error) {
    report.warnings.emplace_back(error.what());
  }
  report.seconds = seconds_since(start);
  return report;
}

void CheckpointSaver::save_beside(Order order) {
  live_ = std::make_unique<checkpoint::LiveTensors>();
  prepare(order.state.weights, *live_);
  prepare(order.state.optimizer, *live_);
  waited_seconds_ = 0;
  copied_bytes_ = 0;
  const auto save_all = [this, own = std::make_shared<const Order>(std::move(order))] {
    const Finish finish(*live_);
    return save(*own, live_.get());
  };
  try {
    saving_ = std::async(std::launch::async, save_all);
  } catch (const std::system_error&) {  // no thread can be had
    std::packaged_task<Report()> task(save_all);
    saving_ = task.get_future();
    task();
  }
}

void CheckpointSaver::release() {
  if (!is_saving()) return;
  const auto start = Clock::now();
  copied_bytes_ += live_->release();
  waited_seconds_ += seconds_since(start);
}

bool CheckpointSaver::is_done() const {
  return is_saving() && saving_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

CheckpointSaver::Report CheckpointSaver::report() {
  auto report = saving_.get();
  report.waited_seconds = waited_seconds_;
  report.copied_bytes = copied_bytes_;
  return report;
}

std::string CheckpointSaver::mark_best() {
  if (!unmarked_best_) return "";
  try {
    folder_.mark_best(*unmarked_best_);
    unmarked_best_.reset();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace aero::train
