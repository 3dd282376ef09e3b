#include "aero/train/checkpoint_saver.h"

#include "aero/core/error.h"
#include "aero/core/files.h"

#include <chrono>
#include <exception>

namespace aero::train {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Returns nothing where memory does not suffice.
std::optional<checkpoint::Checkpoint> try_copy(const checkpoint::Checkpoint& state) {
  try {
    return checkpoint::copy(state);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace

CheckpointSaver::Report CheckpointSaver::save(const Order& order) {
  const auto start = Clock::now();
  Report report;
  report.step = order.state.state.step;
  // After a power failure, the metrics must not be older than the weights.
  if (std::filesystem::exists(folder_.metrics_file())) sync_path(folder_.metrics_file());
  folder_.save(order.state, order.config);
  if (order.is_best) unmarked_best_ = report.step;
  if (const auto fault = mark_best(); !fault.empty()) {
    report.warnings.push_back(fault + "; training goes on, and tries to write the mark later");
  }
  try {
    folder_.prune(order.config.checkpoint.keep_last, unmarked_best_);
  } catch (const Error& error) {
    report.warnings.emplace_back(error.what());
  }
  report.save_seconds = seconds_since(start);
  return report;
}

void CheckpointSaver::save_beside(const Order& order) {
  const auto start = Clock::now();
  auto copy = try_copy(order.state);
  if (!copy) {
    std::promise<Report> done;
    saving_ = done.get_future();
    try {
      done.set_value(save(order));
    } catch (...) {
      done.set_exception(std::current_exception());
    }
    return;
  }
  const auto copied = seconds_since(start);
  saving_ = std::async(std::launch::async,
                       [this, copied, own = Order{std::move(*copy), order.config, order.is_best}] {
                         auto report = save(own);
                         report.copy_seconds = copied;
                         return report;
                       });
}

bool CheckpointSaver::is_done() const {
  return is_saving() && saving_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
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
