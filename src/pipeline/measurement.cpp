#include "measurement.h"

#include "aero/config/enum_names.h"
#include "aero/train/resume.h"

#include <filesystem>
#include <system_error>

namespace aero::pipeline {
namespace {

bool is_same_place(const std::string& a, const std::string& b) {
  std::error_code is_missing;
  return a == b || std::filesystem::equivalent(a, b, is_missing);
}

}  // namespace

std::map<std::string, std::string> measured_otherwise(const RunConfig& config,
                                                      const RunConfig& reference) {
  std::map<std::string, std::string> keys;
  const auto compare = [&](const char* key, std::int64_t here, std::int64_t there) {
    if (here != there) keys[key] = std::to_string(here);
  };
  if (!is_same_place(config.data.path, reference.data.path)) keys["data.path"] = config.data.path;
  if (config.data.format != reference.data.format) {
    keys["data.format"] = enum_name(config.data.format);
  }
  compare("model.context", config.model.context, reference.model.context);
  if (!train::evaluates_alike(config, reference)) {
    compare("eval.batches", config.eval.batches, reference.eval.batches);
    compare("eval.batch_size", config.eval.batch_size, reference.eval.batch_size);
    if (config.eval.batch_size == 0 || reference.eval.batch_size == 0) {
      compare("train.batch_size", config.train.batch_size, reference.train.batch_size);
    }
  }
  return keys;
}

std::string settings_text(const std::map<std::string, std::string>& settings) {
  std::string text;
  for (const auto& [key, value] : settings) text += (text.empty() ? "" : ", ") + key + "=" + value;
  return text;
}

}  // namespace aero::pipeline
