#include "aero/train/metrics_writer.h"

#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/train/entropy_watch.h"
#include "aero/train/loss_history.h"
#include "aero/train/trainer.h"

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <utility>

namespace aero::train {
namespace {

using Json = nlohmann::ordered_json;

/// Rounds to four digits, which are enough for a plot and keep the line short.
double rounded(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g", value);
  return std::strtod(text.data(), nullptr);
}

Json rounded(const std::vector<double>& values) {
  auto list = Json::array();
  for (const double value : values) list.push_back(rounded(value));
  return list;
}

Json rounded(const ByHead& values) {
  auto list = Json::array();
  for (const auto& layer : values) list.push_back(rounded(layer));
  return list;
}

Json entropy_json(const EntropyStatistics& statistics, const LearnedScalars& scalars) {
  const auto bins = statistics.bins();
  Json json{{"e_max", rounded(statistics.largest_possible)},
            {"uniform", rounded(statistics.uniform)},
            {"rows", statistics.rows},
            {"entropy", rounded(statistics.mean)},
            {"bins", rounded(std::vector<double>(bins.begin(), bins.end()))},
            {"nonfinite_rows", statistics.nonfinite_rows}};
  for (const auto& [name, values] : scalars.by_layer) json[name] = rounded(values);
  for (const auto& [name, values] : scalars.by_head) json[name] = rounded(values);
  return json;
}

/// Whether a line tells of something that came after the state: a later step, the end, or a return
/// to this step that the state does not know of yet.
bool is_later(const Json& line, std::int64_t last_step, std::int64_t samples_seen) {
  const auto event = line.value("event", "");
  return line["step"].get<std::int64_t>() > last_step || event == "finish" ||
         (event == "rewind" && line.value("samples", samples_seen) > samples_seen);
}

/// Returns the lines that are not later than the state, and no incomplete line.
std::string lines_until(const std::string& text, std::int64_t last_step,
                        std::int64_t samples_seen) {
  std::istringstream lines(text);
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    const auto json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("step")) continue;
    if (is_later(json, last_step, samples_seen)) continue;
    kept += line + '\n';
  }
  return kept;
}

/// Appends as much of `text` as the disk takes, and removes that part from it. Returns why the rest
/// could not be written; empty where all was.
std::string append(const std::filesystem::path& file, std::string& text) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) return std::strerror(errno);
  std::string reason;
  while (!text.empty()) {
    const auto written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      reason = std::strerror(errno);
      break;
    }
    text.erase(0, static_cast<std::size_t>(written));
  }
  ::close(descriptor);
  return reason;
}

}  // namespace

void MetricsWriter::on_start(Trainer& trainer) {
  cut(trainer.step(), trainer.samples_seen());
}

/// Removes lines that tell of something later than a state.
void MetricsWriter::cut(std::int64_t last_step, std::int64_t samples_seen) {
  folder_.require_held();
  const std::string before = std::filesystem::exists(file_) ? read_file(file_) : "";
  const std::string all = before + std::exchange(pending_, "");
  const std::string kept = samples_seen == 0 ? "" : lines_until(all, last_step, samples_seen);
  if (kept == before) return;
  // Cutting off the end needs no room on the disk.
  if (before.starts_with(kept)) {
    std::filesystem::resize_file(file_, kept.size());
  } else {
    write_file(file_, kept);
  }
}

void MetricsWriter::on_step(Trainer& /*trainer*/, const StepRecord& record) {
  Json line{{"step", record.step},
            {"loss", record.loss},
            {"lr", record.lr},
            {"grad_norm", record.grad_norm},
            {"tokens", record.tokens},
            {"seconds", record.seconds},
            {"tokens_per_second", static_cast<double>(record.tokens) / record.seconds}};
  if (record.penalty) line["penalty"] = *record.penalty;
  if (!record.updated) line["skipped"] = true;
  write(line.dump());
}

void MetricsWriter::on_evaluation(Trainer& trainer, const Evaluation& evaluation) {
  write(Json{{"event", "evaluation"},
             {"step", trainer.step()},
             {"loss", evaluation.loss},
             {"perplexity", evaluation.perplexity()},
             {"tokens", evaluation.tokens},
             {"contexts", evaluation.samples},
             {"part", evaluation.is_of_a_part()}}
            .dump());
}

void MetricsWriter::on_entropy(Trainer& trainer, const EntropyRecord& record) {
  Json line{{"event", "entropy"}, {"step", trainer.step()}};
  line.update(entropy_json(record.statistics, record.scalars));
  line["collapsed"] = record.layers(EntropyState::collapsed);
  line["overloaded"] = record.layers(EntropyState::overloaded);
  write(line.dump());
}

void MetricsWriter::on_spike(Trainer& /*trainer*/, const LossSpike& spike) {
  write(Json{{"event", "spike"},
             {"step", spike.step},
             {"loss", spike.loss},
             {"mean", spike.mean},
             {"deviation", spike.deviation}}
            .dump());
}

void MetricsWriter::on_nonfinite(Trainer& /*trainer*/, const NonfiniteEvent& event) {
  write(Json{{"event", "nonfinite"},
             {"step", event.step},
             {"quantity", event.quantity},
             {"layer", event.layer},
             {"parameter", event.parameter},
             {"action", event.action}}
            .dump());
}

void MetricsWriter::on_rewind(Trainer& trainer, const Rewind& rewind) {
  cut(trainer.step(), trainer.samples_seen());
  write(Json{{"event", "rewind"},
             {"step", rewind.step},
             {"from", rewind.cause.step},
             {"samples", rewind.samples_seen},
             {"quantity", rewind.cause.quantity},
             {"layer", rewind.cause.layer},
             {"parameter", rewind.cause.parameter}}
            .dump());
}

void MetricsWriter::on_finish(Trainer& /*trainer*/, Outcome /*outcome*/) {
  flush();
}

void MetricsWriter::after_finish(Trainer& trainer, Outcome outcome) {
  write(Json{{"event", "finish"}, {"step", trainer.step()}, {"outcome", name(outcome)}}.dump());
  flush();
  sync_path(file_);
}

void MetricsWriter::flush() {
  folder_.require_held();
  if (!pending_.empty()) append(file_, pending_);
  if (!pending_.empty()) {
    throw Error(fmt::format(
        "{}: its last {} lines could not be written and are lost; make room on the disk",
        file_.string(), std::ranges::count(pending_, '\n')));
  }
}

void MetricsWriter::write(const std::string& line) {
  folder_.require_held();
  const bool was_failing = !pending_.empty();
  pending_ += line + '\n';
  const auto reason = append(file_, pending_);
  if (!reason.empty() && !was_failing) {
    log::warn(fmt::format("{}: {}; its lines are kept and written when there is room",
                          file_.string(), reason));
  }
}

}  // namespace aero::train
