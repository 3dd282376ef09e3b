#include "aero/config/fields.h"
#include "aero/config/loader.h"

#include "field_table.h"

#include <nlohmann/json.hpp>

#include <cstdint>

namespace aero {
namespace {

using Json = nlohmann::ordered_json;

Json json_value(const Field& field) {
  if (const auto* flag = std::get_if<bool*>(&field.value)) return **flag;
  if (const auto* integer = std::get_if<std::int64_t*>(&field.value)) return **integer;
  if (const auto* number = std::get_if<double*>(&field.value)) return **number;
  if (const auto* list = std::get_if<std::vector<std::int64_t>*>(&field.value)) return **list;
  return field.value_text();
}

/// Whether the effective config has this key. It has none for a preset or a base, which have become
/// values.
bool is_kept(const Field& field) {
  if (std::holds_alternative<LoaderKey>(field.value)) return false;
  return !std::holds_alternative<Shorthand>(field.value) || !field.value_text().empty();
}

/// Returns the object of a section, and makes it if it is missing.
Json& object_at(Json& root, const std::string& section) {
  if (section.empty()) return root;
  Json& object = object_at(root, section_of(section))[key_of(section)];
  if (object.is_null()) object = Json::object();
  return object;
}

Json to_tree(const std::vector<Section>& sections) {
  Json root = Json::object();
  for (const Section& section : sections) {
    for (const Field& field : section.fields) {
      if (is_kept(field)) object_at(root, section.path)[field.key()] = json_value(field);
    }
  }
  return root;
}

std::string dump(const Json& tree) {
  return tree.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string to_json(const RunConfig& config) {
  RunConfig copy = config;
  return dump(to_tree(describe(copy)));
}

std::string to_json(const ModelConfig& config) {
  ModelConfig copy = config;
  return dump(to_tree(describe(copy)).at("model"));
}

}  // namespace aero
