#include "settings_reader.h"

#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/numbers.h"
#include "aero/core/text.h"

#include <utility>

namespace aero::exchange {

using nlohmann::json;

namespace {

std::string shown(const json& value) {
  return shortened(value.dump(-1, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace));
}

}  // namespace

SettingsReader::SettingsReader(std::filesystem::path file) : file_(std::move(file)) {
  root_ = json::parse(read_file(file_), nullptr, /*allow_exceptions=*/false);
  if (!root_.is_object()) {
    throw Error(fmt::format("{}: is damaged: it is no JSON object", file_.string()));
  }
}

SettingsReader::SettingsReader(std::filesystem::path file, std::string place, json root)
    : file_(std::move(file)), place_(std::move(place)), root_(std::move(root)) {}

const json* SettingsReader::find(const std::string& key) const {
  const auto found = root_.find(key);
  return found == root_.end() || found->is_null() ? nullptr : &*found;
}

std::int64_t SettingsReader::integer(const std::string& key, std::int64_t absent) const {
  return optional_integer(key).value_or(absent);
}

std::optional<std::int64_t> SettingsReader::optional_integer(const std::string& key) const {
  const auto* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer()) wrong_type(key, "a whole number");
  return value->get<std::int64_t>();
}

double SettingsReader::number(const std::string& key, double absent) const {
  const auto* const value = find(key);
  if (value == nullptr) return absent;
  if (!value->is_number()) wrong_type(key, "a number");
  return value->get<double>();
}

bool SettingsReader::flag(const std::string& key, bool absent) const {
  const auto* const value = find(key);
  if (value == nullptr) return absent;
  if (!value->is_boolean()) wrong_type(key, "true or false");
  return value->get<bool>();
}

std::string SettingsReader::text(const std::string& key, const std::string& absent) const {
  const auto* const value = find(key);
  if (value == nullptr) return absent;
  if (!value->is_string()) wrong_type(key, "a text");
  return value->get<std::string>();
}

std::vector<std::string> SettingsReader::texts(const std::string& key) const {
  const auto* const value = find(key);
  if (value == nullptr) return {};
  if (!value->is_array()) wrong_type(key, "a list of texts");
  std::vector<std::string> result;
  for (const auto& item : *value) {
    if (!item.is_string()) wrong_type(key, "a list of texts");
    result.push_back(item.get<std::string>());
  }
  return result;
}

std::vector<std::string> SettingsReader::keys() const {
  std::vector<std::string> names;
  for (const auto& item : root_.items()) names.push_back(item.key());
  return names;
}

bool SettingsReader::is_set(const std::string& key) const {
  const auto* const value = find(key);
  if (value == nullptr || *value == false || *value == 0) return false;
  return !(value->is_string() || value->is_structured()) || !value->empty();
}

std::optional<SettingsReader> SettingsReader::inner(const std::string& key) const {
  const auto* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) wrong_type(key, "an object");
  return SettingsReader(file_, place_ + key + ".", *value);
}

void SettingsReader::refuse(const std::string& key, const std::string& reason) const {
  const auto* const value = find(key);
  throw UsageError(fmt::format("{}: {}{}: {}: {}", file_.string(), place_, key,
                               value == nullptr ? "absent" : shown(*value), reason));
}

void SettingsReader::wrong_type(const std::string& key, const char* expected) const {
  throw Error(fmt::format("{}: {}{}: {}: is not {}", file_.string(), place_, key, shown(*find(key)),
                          expected));
}

}  // namespace aero::exchange
