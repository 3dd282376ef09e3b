#include "aero/config/documentation.h"
#include "aero/config/fields.h"

#include "field_table.h"

#include <nlohmann/json.hpp>

#include <cstdint>

namespace aero {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* counted_duration = R"(^[0-9]+(\.[0-9]+)?([kMG]?t?|e)$)";
constexpr const char* any_duration = R"(^[0-9]+(\.[0-9]+)?([kMG]?t?|e|%)$)";

/// Writes a bound as an integer if it is one: 1 rather than 1.0.
Json bound(double value) {
  const auto integer = static_cast<std::int64_t>(value);
  return static_cast<double>(integer) == value ? Json(integer) : Json(value);
}

void add_range(const Range& range, Json& schema) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (range.low != -infinity) {
    schema[range.low_open ? "exclusiveMinimum" : "minimum"] = bound(range.low);
  }
  if (range.high != infinity) {
    schema[range.high_open ? "exclusiveMaximum" : "maximum"] = bound(range.high);
  }
}

/// Writes what a type accepts into the schema of its field.
struct TypeWriter {
  const Field& field;
  Json& schema;

  void operator()(const bool* flag) const {
    schema["type"] = "boolean";
    schema["default"] = *flag;
  }
  void operator()(const std::int64_t* integer) const {
    schema["type"] = "integer";
    add_range(field.range, schema);
    schema["default"] = *integer;
  }
  void operator()(const double* number) const {
    schema["type"] = "number";
    add_range(field.range, schema);
    schema["default"] = *number;
  }
  void operator()(const std::string* text) const {
    schema["type"] = "string";
    schema["default"] = *text;
  }
  void operator()(const Duration* duration) const {
    schema["type"] = Json::array({"string", "integer"});
    schema["pattern"] = field.accepts_percent ? any_duration : counted_duration;
    add_range(field.range, schema);
    schema["default"] = to_string(*duration);
  }
  void operator()(const EnumRef& choice) const {
    schema["enum"] = *choice.names;
    schema["default"] = field.value_text();
  }
  void operator()(const std::vector<std::int64_t>* list) const {
    schema["type"] = "array";
    schema["items"] = {{"type", "integer"}};
    add_range(field.range, schema["items"]);
    schema["default"] = *list;
  }
  void operator()(const Shorthand& shorthand) const {
    if (shorthand.pattern.empty()) {
      schema["enum"] = shorthand.names;
      return;
    }
    schema["type"] = "string";
    schema["pattern"] = shorthand.pattern;
    schema["examples"] = shorthand.names;
  }
  void operator()(const LoaderKey&) const { schema["type"] = "string"; }
};

Json object_schema(const Section& section) {
  Json schema;
  schema["type"] = "object";
  schema["description"] = section.doc;
  schema["additionalProperties"] = false;
  schema["properties"] = Json::object();
  return schema;
}

/// Returns the schema of a section within the whole schema, which already has its parent.
Json& section_at(Json& root, const std::string& path) {
  if (path.empty()) return root;
  return section_at(root, section_of(path))["properties"][key_of(path)];
}

}  // namespace

std::string config_schema() {
  RunConfig defaults;
  Json root;
  root["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  root["title"] = "AERO run config";
  for (const Section& section : describe(defaults)) {
    Json& schema = section_at(root, section.path);
    schema.update(object_schema(section));
    for (const Field& field : section.fields) {
      Json& property = schema["properties"][field.key()];
      property["description"] = field.doc;
      std::visit(TypeWriter{field, property}, field.value);
    }
  }
  return root.dump(2) + "\n";
}

}  // namespace aero
