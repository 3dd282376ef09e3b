#include "layer.h"

#include "aero/config/notation.h"
#include "aero/config/object_reader.h"
#include "aero/config/suggest.h"
#include "aero/core/numbers.h"
#include "aero/core/text.h"

#include "assign.h"

#include <algorithm>
#include <ranges>

namespace aero {
namespace {

/// Writes a key so that it fits on one line of a message.
std::string printable(const std::string& key) {
  const std::string text = quoted(key);
  return text.substr(1, text.size() - 2);
}

/// Walks one file's objects.
class LayerReader : public ObjectReader {
 public:
  LayerReader(const FieldTable& table, Layer& layer) : table_(table), layer_(layer) {}

  void read(const JsonValue& object, const std::string& section) {
    for (const JsonMember& member : object.members) {
      const std::string path = below(section, printable(member.key));
      const std::string shown = member.value.shown();
      if (!is_first(object, member, path)) continue;
      if (member.key.find('.') != std::string::npos) {
        fault(path, shown,
              "unknown key; a section is an object here, as in {\"model\": {\"n_layer\": 12}}");
      } else {
        read_member(member, section, path, shown);
      }
    }
  }

 private:
  std::string source_of(const std::string& /*key*/) const override { return layer_.source; }

  void read_member(const JsonMember& member, const std::string& section, const std::string& path,
                   const std::string& shown) {
    if (table_.find(path) != nullptr) {
      layer_.assignments.push_back({path, member.value, shown});
    } else if (!table_.is_section(path)) {
      fault(path, shown, table_.unknown_key(section, member.key));
    } else if (member.value.kind != JsonValue::Kind::object) {
      fault(path, shown,
            fmt::format("expected an object, not {}; its keys are {}", member.value.kind_text(),
                        join(table_.keys(path))));
    } else {
      read(member.value, path);
    }
  }

  const FieldTable& table_;
  Layer& layer_;
};

/// Writes a value of the command line as a message shows it.
std::string shown_value(const std::string& text) {
  constexpr std::size_t longest = 80;
  return text.empty() ? "\"\"" : shortened(printable(text), longest);
}

/// Says why a path cannot be set on the command line; empty if it can.
std::string override_fault(const std::string& path, const FieldTable& table) {
  if (path.empty()) return "no key; write SECTION.KEY=VALUE";
  if (table.is_section(path)) {
    return fmt::format(
        "a section has no value of its own; set its keys one by one, as in {}.{}=VALUE", path,
        table.keys(path).front());
  }
  const Field* field = table.find(path);
  if (field == nullptr) return table.unknown_key(section_of(path), key_of(path));
  if (std::holds_alternative<LoaderKey>(field->value)) return "belongs in a config file";
  return "";
}

}  // namespace

Layer layer_of_object(const std::string& source, const JsonValue& root, const FieldTable& table,
                      Faults& faults) {
  Layer layer{source, {}};
  LayerReader reader(table, layer);
  reader.read(root, "");
  faults.append(reader.faults());
  return layer;
}

Layer layer_of_overrides(const std::vector<Override>& overrides, const FieldTable& table,
                         Faults& faults) {
  Layer layer{command_line, {}};
  for (const Override& text : overrides) {
    const std::size_t equals = text.find('=');
    const std::string path = printable(text.substr(0, equals));
    if (equals == std::string::npos) {
      faults.add(command_line, path, "", fmt::format("no value; write {}=VALUE", path));
      continue;
    }
    const std::string value = text.substr(equals + 1);
    if (const std::string fault = override_fault(path, table); !fault.empty()) {
      faults.add(command_line, path, value.empty() ? "" : shown_value(value), fault);
    } else {
      layer.assignments.push_back(
          {path, value_from_text(*table.find(path), value), shown_value(value)});
    }
  }
  return layer;
}

void apply_layer(const Layer& layer, FieldTable& table, const ModelConfig& model, Faults& faults,
                 Sources& sources) {
  bool named = false;
  for (Section& section : table.sections()) {
    for (Field& field : section.fields) {
      const auto newest_first = layer.assignments | std::views::reverse;
      const auto found = std::ranges::find(newest_first, field.path, &Assignment::path);
      if (found == newest_first.end()) continue;
      const std::string architecture = architecture_name(model);
      sources[field.path] = layer.source;
      if (const auto refusal = assign(field, found->value)) {
        faults.add(layer.source, field.path, found->shown, *refusal);
      } else if (named && architecture_name(model) != architecture) {
        faults.add(layer.source, field.path, found->shown,
                   fmt::format("contradicts model.architecture \"{}\"; keep one of the two",
                               architecture));
      }
      named = named || (field.path == "model.architecture" && !faults.at(field.path));
    }
  }
}

}  // namespace aero
