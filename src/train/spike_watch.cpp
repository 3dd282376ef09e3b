#include "aero/train/spike_watch.h"

#include "aero/core/files.h"
#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/train/trainer.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <sstream>
#include <string>

namespace aero::train {

void SpikeWatch::on_start(Trainer& /*trainer*/) {
  read();
}

void SpikeWatch::on_rewind(Trainer& /*trainer*/, const Rewind& /*rewind*/) {
  read();
}

/// Takes the history from the metrics.
void SpikeWatch::read() {
  history_ = {};
  if (!std::filesystem::exists(metrics_)) return;
  std::istringstream lines(read_file(metrics_));
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || json.contains("event") || !json.contains("grad_norm")) continue;
    if (!json["loss"].is_number()) continue;
    history_.add(json["step"].get<std::int64_t>(), json["loss"].get<double>());
  }
}

void SpikeWatch::on_step(Trainer& trainer, const StepRecord& record) {
  const auto spike = history_.add(record.step, record.loss);
  if (!spike) return;
  log::warn(
      fmt::format("step {}: the loss is {:.4f}, far above those before ({:.4f}, with a "
                  "standard deviation of {:.4f})",
                  spike->step, spike->loss, spike->mean, spike->deviation));
  trainer.report(*spike);
}

}  // namespace aero::train
