#include "description_reader.h"

#include "aero/config/fields.h"
#include "aero/config/suggest.h"
#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/text.h"

#include <algorithm>
#include <cstdint>

namespace aero::pipeline {
namespace {

namespace fs = std::filesystem;

/// Whether a run config has this key or section: "train.clip", "train".
bool is_config_key(const std::string& key) {
  RunConfig config;
  for (const Section& section : describe(config)) {
    for (const Field& field : section.fields) {
      if (field.path == key || field.path.starts_with(key + ".")) return true;
    }
  }
  return false;
}

}  // namespace

JsonValue parse_description(const std::string& text, const fs::path& file, const JsonKind& kind) {
  Faults faults;
  auto root = read_object({.source = file.string(), .text = text}, kind, faults);
  faults.throw_if_any();
  return *std::move(root);
}

std::string read_description(const fs::path& file) {
  try {
    return read_file(file);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
}

void DescriptionReader::check_keys(const JsonValue& object, const std::string& prefix,
                                   const std::vector<std::string>& known) {
  ObjectReader::check_keys(object, prefix, known, [&](const std::string& key) {
    return is_config_key(key) && reason_to_refuse(key).empty()
               ? "a key of the runs; write it in \"set\""
               : "unknown key" + choice_hint(key, known);
  });
}

const JsonValue* DescriptionReader::typed(const JsonValue& object, const std::string& key,
                                          const std::string& prefix,
                                          const std::function<bool(const JsonValue&)>& fits,
                                          const std::string& expected) {
  const auto* value = find(object, key);
  if (value == nullptr || fits(*value)) return value;
  fault(prefix + key, value->shown(), "expected " + expected);
  return nullptr;
}

std::optional<std::string> DescriptionReader::text(const JsonValue& object, const std::string& key,
                                                   const std::string& prefix) {
  const auto* value = find(object, key);
  if (value == nullptr) return std::nullopt;
  return as_text(*value, prefix + key, "write a text, or remove the key");
}

fs::path DescriptionReader::read_base(const JsonValue& root) {
  const auto base = text(root, "base");
  if (find(root, "base") == nullptr) {
    fault("base", "",
          "is missing; name the run config that the models change, relative to this file");
  }
  if (!base) return {};
  const auto path = (file_.parent_path() / *base).lexically_normal();
  if (!fs::is_regular_file(path)) {
    fault("base", aero::quoted(*base),
          fmt::format("there is no file {}; the path is relative to this file", path.string()));
  }
  return path;
}

std::vector<std::int64_t> DescriptionReader::read_seeds(const JsonValue& root) {
  std::vector<std::int64_t> seeds;
  const auto* list = find(root, "seeds");
  if (list == nullptr) return seeds;
  if (list->kind != Kind::array || list->members.empty()) {
    fault("seeds", list->shown(), "expected a list of integers, as [1, 2, 3]");
    return seeds;
  }
  for (const auto& [no_key, seed] : list->members) {
    if (seed.kind != Kind::integer || seed.integer < 0) {
      fault("seeds", seed.shown(), "expected an integer, at least 0");
    } else if (std::ranges::find(seeds, seed.integer) != seeds.end()) {
      fault("seeds", seed.shown(), "stands here twice; keep one");
    } else {
      seeds.push_back(seed.integer);
    }
  }
  return seeds;
}

Pricings DescriptionReader::read_pricings(const JsonValue& root, const CostChoice& asked) {
  const CostChoice own{text(root, "cost").value_or(""), text(root, "network").value_or("")};
  const CostChoice other{asked.model.empty() ? own.model : asked.model,
                         asked.network.empty() ? own.network : asked.network};
  Pricings result;
  try {
    result.own = Pricing(own);
    if (other != own) result.asked = Pricing(other);
  } catch (const UsageError& error) {
    faults_.add_unreadable(source_, error.what());
  }
  return result;
}

std::vector<Change> DescriptionReader::changes(const JsonValue& object, const std::string& place) {
  std::vector<Change> list;
  if (object.kind != Kind::object) {
    fault(place, object.shown(), "expected {\"section.key\": value}, not " + object.kind_text());
    return list;
  }
  for (const auto& [key, value] : object.members) {
    std::string path = place;
    path.append(": ").append(key);
    if (has(list, key)) {
      fault(path, value.shown(), "this key stands here twice; keep one");
    } else if (const auto one = change(key, value, path)) {
      list.push_back(*one);
    }
  }
  return list;
}

std::optional<Change> DescriptionReader::change(const std::string& key, const JsonValue& value,
                                                const std::string& place) {
  auto reason = reason_to_refuse(key);
  if (reason.empty()) {
    switch (value.kind) {
      case Kind::boolean:
      case Kind::integer:
      case Kind::real:
        return Change{key, value.shown(), value.shown()};
      case Kind::text:
        return Change{key, value.text, aero::quoted(value.text)};
      case Kind::array:
        return list_change(key, value, place);
      case Kind::object:
        reason = fmt::format(
            "expected the value of one key; write the key in full, as in \"{}.KEY\"", key);
        break;
      case Kind::null:
        reason = "expected a value";
        break;
    }
  }
  fault(place, value.shown(), reason);
  return std::nullopt;
}

std::optional<Change> DescriptionReader::list_change(const std::string& key, const JsonValue& value,
                                                     const std::string& place) {
  Change list{key, "", ""};
  for (const auto& [no_key, item] : value.members) {
    const auto part = change(key, item, place);
    if (!part) return std::nullopt;
    list.value += (list.value.empty() ? "" : ",") + part->value;
    list.json += (list.json.empty() ? "" : ", ") + part->json;
  }
  list.json = "[" + list.json + "]";
  return list;
}

std::string DescriptionReader::reason_to_refuse(const std::string& key) const {
  if (key == "seed") return "belongs in \"seeds\"";
  if (key == "run.folder") {
    return R"(run folders follow from "folder", name and seed; remove this key)";
  }
  return "";
}

bool DescriptionReader::has(const std::vector<Change>& changes, const std::string& key) {
  return std::ranges::find(changes, key, &Change::key) != changes.end();
}

}  // namespace aero::pipeline
