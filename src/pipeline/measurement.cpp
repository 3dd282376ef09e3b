#include "measurement.h"

#include "aero/train/resume.h"

#include <cstdint>
#include <filesystem>
#include <system_error>

namespace aero::pipeline {
namespace {

/// One for all spellings of a place, links and dots resolved.
std::string place_of(const std::string& path) {
  std::error_code error;
  auto place = std::filesystem::weakly_canonical(path, error);
  if (error) return path;
  if (!place.has_filename()) place = place.parent_path();  // "data/" is "data"
  return place.string();
}

}  // namespace

Measurement measurement_of(const RunConfig& config, bool is_whole) {
  const std::int64_t contexts = is_whole ? 0 : train::evaluated_contexts(config);
  return {{"data.path", place_of(config.data.path)},
          {"model.context", std::to_string(config.model.context)},
          {"eval.batches x eval.batch_size", contexts == 0 ? "all" : std::to_string(contexts)}};
}

Measurement difference(const Measurement& measurement, const Measurement& reference) {
  Measurement result;
  for (const auto& [key, value] : measurement) {
    const auto found = reference.find(key);
    if (found == reference.end() || found->second != value) result[key] = value;
  }
  return result;
}

std::string settings_text(const Measurement& settings) {
  std::string text;
  for (const auto& [key, value] : settings) text += (text.empty() ? "" : ", ") + key + "=" + value;
  return text;
}

}  // namespace aero::pipeline
