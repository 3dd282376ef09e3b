#include "measurement.h"

#include "aero/train/resume.h"

#include <cstdint>
#include <filesystem>
#include <system_error>

namespace aero::pipeline {
namespace {

constexpr const char* batches_key = "eval.batches x eval.batch_size";

/// Resolves links and dots, so that all spellings of a place are equal.
std::string place_of(const std::string& path) {
  std::error_code error;
  auto place = std::filesystem::weakly_canonical(path, error);
  if (error) return path;
  if (!place.has_filename()) place = place.parent_path();  // "data/" is "data"
  return place.string();
}

}  // namespace

Measurement measurement_of(const RunConfig& config, const Reported& reported) {
  const std::int64_t contexts = train::evaluated_contexts(config);
  Measurement result{{"data.path", place_of(config.data.path)},
                     {"model.context", std::to_string(config.model.context)},
                     {batches_key, contexts == 0 ? "all" : std::to_string(contexts)}};
  if (!reported.data.empty()) result["data"] = reported.data;
  if (reported.is_whole) result["split"] = "whole";
  return result;
}

Measurement difference(const Measurement& measurement, const Measurement& reference) {
  const auto both_have = [&](const char* key) {
    return measurement.contains(key) && reference.contains(key);
  };
  const auto is_passed_over = [&](const std::string& key) {
    if (key == "data" || key == "data.path") return (key == "data") != both_have("data");
    if (key == "split" || key == batches_key) return (key == "split") != both_have("split");
    return false;
  };
  Measurement result;
  for (const auto& [key, value] : measurement) {
    if (!is_passed_over(key) && reference.at(key) != value) result[key] = value;
  }
  return result;
}

std::string settings_text(const Measurement& settings) {
  std::string text;
  for (const auto& [key, value] : settings) text += (text.empty() ? "" : ", ") + key + "=" + value;
  return text;
}

}  // namespace aero::pipeline
