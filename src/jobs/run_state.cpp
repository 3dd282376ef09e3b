#include "aero/jobs/run_state.h"

#include "aero/checkpoint/run_folder.h"
#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/text.h"

#include "input_conflict.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

namespace aero::jobs {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

double number(const Json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_number() ? found->get<double>() : not_a_number;
}

std::int64_t integer(const Json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

std::string text(const Json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<std::array<double, 4>> bins_of(const Json& line) {
  const auto found = line.find("bins");
  if (found == line.end() || !found->is_array() || found->size() != 4) return std::nullopt;
  std::array<double, 4> bins{};
  for (std::size_t i = 0; i < bins.size(); ++i) {
    if (!(*found)[i].is_number()) return std::nullopt;
    bins[i] = (*found)[i].get<double>();
  }
  return bins;
}

void add_step(const Json& line, RunState& state) {
  state.steps = integer(line, "step");
  state.tokens += integer(line, "tokens");
  const double seconds = number(line, "seconds");
  if (std::isfinite(seconds)) state.seconds += seconds;
}

void add_event(const std::string& event, const Json& line, RunState& state) {
  if (event == "evaluation") {
    const auto part = line.find("part");
    EvaluationPoint point{integer(line, "step"), number(line, "loss"), {}};
    if (part != line.end() && part->is_boolean()) point.is_of_a_part = part->get<bool>();
    state.evaluations.push_back(point);
  } else if (event == "entropy") {
    if (const auto bins = bins_of(line)) state.bins = bins;
  } else if (event == "nonfinite" && !state.nonfinite) {
    state.nonfinite = {integer(line, "step"), text(line, "quantity"), text(line, "layer"),
                       text(line, "parameter")};
  } else if (event == "finish") {
    const auto outcome = text(line, "outcome");
    state.end = outcome == "finished"    ? RunEnd::finished
                : outcome == "nonfinite" ? RunEnd::nonfinite
                                         : RunEnd::unfinished;
  }
}

/// Checks the end that the metrics report: the run may have died, or found the disk full, before
/// its last state was saved.
void confirm_end(const checkpoint::RunFolder& run, std::int64_t last_step, RunState& state) {
  if (state.end == RunEnd::unfinished) return;
  try {
    checkpoint::check_checkpoint(run.checkpoint(last_step));
  } catch (const Error& error) {
    state.end = RunEnd::unfinished;
    state.lost = error.what();
    return;
  }
  try {
    state.held_out_fingerprint =
        checkpoint::load_state(run.checkpoint(last_step)).held_out_fingerprint;
  } catch (const Error&) {
    // Without it, perplexities compare by data.path.
  }
}

/// Whether a key may differ between two configs of one run.
bool is_indifferent(const std::string& key) {
  return key == "run.folder" || key == "train.threads" || key == "train.device" ||
         key.starts_with("log.");
}

/// Returns an object with every key, "model.n_layer", and its value.
Json flat(const RunConfig& config) {
  Json result = Json::object();
  const Json values = Json::parse(to_json(config)).flatten();
  for (const auto& [pointer, value] : values.items()) {
    std::string key = pointer.substr(1);
    for (char& c : key) c = c == '/' ? '.' : c;
    if (!is_indifferent(key)) result[key] = value;
  }
  return result;
}

std::string shown(const Json& object, const std::string& key) {
  const auto found = object.find(key);
  return found == object.end() ? "not set" : found->dump();
}

/// Names the first key in which two runs differ: "model.n_layer is 2 there and 4 here".
std::string first_difference(const RunConfig& there, const RunConfig& here) {
  const Json a = flat(there);
  const Json b = flat(here);
  for (const auto* keys : {&a, &b}) {
    for (const auto& [key, value] : keys->items()) {
      if (shown(a, key) != shown(b, key)) {
        return fmt::format("{} is {} there and {} here", key, shown(a, key), shown(b, key));
      }
    }
  }
  return "";
}

std::string conflict_of(const RunConfig& config, KnownCorpora& corpora) {
  const fs::path folder = config.run.folder;
  const auto file = checkpoint::RunFolder(folder).config_file();
  if (!fs::exists(file)) return "";
  const std::string difference = first_difference(load_config(file), config);
  if (difference.empty()) return input_conflict(folder, config, corpora);
  return fmt::format(
      "{}: holds another run: {}; name another folder, rename the member, or remove {}",
      file.string(), difference, folder.string());
}

}  // namespace

std::string name(RunEnd end) {
  switch (end) {
    case RunEnd::unfinished:
      return "unfinished";
    case RunEnd::finished:
      return "finished";
    case RunEnd::nonfinite:
      return "nonfinite";
  }
  return "";
}

double RunState::loss() const {
  return evaluations.empty() ? not_a_number : evaluations.back().loss;
}

double RunState::perplexity() const {
  return std::exp(loss());
}

RunState read_run_state(const fs::path& folder) {
  RunState state;
  const checkpoint::RunFolder run(folder);
  if (const auto saved = run.steps(); !saved.empty()) state.saved_step = saved.back();
  if (!fs::exists(run.metrics_file())) return state;
  std::int64_t last_step = 0;
  const std::string content = read_file(run.metrics_file());
  for (std::size_t start = 0; start < content.size();) {
    const std::size_t end = std::min(content.find('\n', start), content.size());
    const auto line = Json::parse(std::string_view(content).substr(start, end - start), nullptr,
                                  /*allow_exceptions=*/false);
    start = end + 1;
    if (!line.is_object()) continue;
    const auto event = text(line, "event");
    if (event.empty()) {
      add_step(line, state);
    } else {
      add_event(event, line, state);
    }
    if (event == "finish") last_step = integer(line, "step");
  }
  confirm_end(run, last_step, state);
  return state;
}

std::string conflicts_of(const std::vector<RunConfig>& runs) {
  KnownCorpora corpora;
  std::string conflicts;
  for (const RunConfig& config : runs) {
    const auto conflict = conflict_of(config, corpora);
    if (!conflict.empty()) conflicts += (conflicts.empty() ? "" : "\n") + conflict;
  }
  return conflicts;
}

}  // namespace aero::jobs
