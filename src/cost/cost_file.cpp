#include "cost_file.h"

#include "aero/config/json_chain.h"
#include "aero/config/suggest.h"
#include "aero/core/error.h"
#include "aero/core/text.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <utility>

namespace aero::cost {
namespace {

using Kind = JsonValue::Kind;

/// Objects whose keys a file takes one by one from the file that it extends.
constexpr std::array<std::string_view, 4> laid_by_name{"private", "constants", "primitives",
                                                       "uncharged"};
/// Keys that a file does not take from another.
constexpr std::array<std::string_view, 4> own{"name", "source", "made_by", "extends"};

bool is_path(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".json");
}

JsonFile open_built_in(const std::string& name, const CostFileKind& kind) {
  const auto found = std::ranges::find(kind.built_in, name, &EmbeddedFile::name);
  if (found == kind.built_in.end()) {
    throw UsageError(fmt::format(
        "{} \"{}\": unknown name{}; name a file of your own by its path, as \"./{}.json\"",
        kind.what, name, choice_hint(name, file_names(kind)), name));
  }
  const std::string source = fmt::format("{}/{}.json", kind.folder, name);
  return {.source = source, .text = std::string(found->text), .identity = source};
}

JsonFile open_path(const std::filesystem::path& path, const CostFileKind& kind) {
  try {
    return open_json_file(path);
  } catch (const Error& error) {
    throw UsageError(fmt::format("{}: {}", kind.what, error.what()));
  }
}

template <class Object>
auto* find(Object& object, std::string_view key) {
  const auto found = std::ranges::find(object.members, key, &JsonMember::key);
  return found == object.members.end() ? nullptr : &found->value;
}

std::string below(const std::string& place, const std::string& key) {
  return place.empty() ? key : place + "." + key;
}

void check_twice(const JsonValue& value, const std::string& place, const std::string& source,
                 Faults& faults) {
  for (std::size_t i = 0; i < value.members.size(); ++i) {
    const auto& [key, inner] = value.members[i];
    if (value.kind == Kind::array) {
      check_twice(inner, fmt::format("{}[{}]", place, i), source, faults);
      continue;
    }
    const std::string path = below(place, key);
    if (find(value, key) != &inner) {
      faults.add(source, path, inner.shown(), "this key stands here twice; keep one");
    }
    check_twice(inner, path, source, faults);
  }
}

void check_extends(const JsonLayer& layer, Faults& faults) {
  const auto* extends = find(layer.root, "extends");
  if (extends == nullptr || extends->kind == Kind::text) return;
  faults.add(layer.source, "extends", extends->shown(),
             fmt::format("expected a text, not {}", extends->kind_text()));
}

void set(JsonValue& object, const JsonMember& member) {
  if (auto* present = find(object, member.key)) {
    *present = member.value;
  } else {
    object.members.push_back(member);
  }
}

/// Lays the object of a file over those that it extends.
void lay_over(const JsonLayer& layer, CostFile& file) {
  for (const std::string_view key : own) {
    std::erase_if(file.root.members, [&](const JsonMember& member) { return member.key == key; });
    file.origins.erase(std::string(key));
  }
  for (const JsonMember& member : layer.root.members) {
    file.origins[member.key] = layer.source;
    auto* base = find(file.root, member.key);
    const bool by_name = std::ranges::find(laid_by_name, member.key) != laid_by_name.end() &&
                         member.value.kind == Kind::object;
    if (!by_name || base == nullptr || base->kind != Kind::object) {
      set(file.root, member);
    } else {
      for (const JsonMember& one : member.value.members) set(*base, one);
    }
    if (!by_name) continue;
    for (const JsonMember& one : member.value.members) {
      file.origins[below(member.key, one.key)] = layer.source;
    }
  }
}

}  // namespace

CostFileKind cost_models() {
  return {"cost model", "configs/cost", embedded_cost_models()};
}

CostFileKind networks() {
  return {"network", "configs/cost/networks", embedded_networks()};
}

const std::string& CostFile::source_of(std::string key) const {
  while (true) {
    if (const auto found = origins.find(key); found != origins.end()) return found->second;
    const auto end = key.find_last_of(".[");
    if (end == std::string::npos) return source;
    key.resize(end);
  }
}

CostFile open_cost_file(const std::string& name_or_path, const CostFileKind& kind) {
  const JsonFile opened =
      is_path(name_or_path) ? open_path(name_or_path, kind) : open_built_in(name_or_path, kind);
  CostFile file{.source = opened.source,
                .stem = std::filesystem::path(opened.source).stem().string(),
                .root = {.kind = Kind::object, .text = {}, .members = {}},
                .origins = {},
                .faults = {}};
  const std::string what = "a " + kind.what;
  const ChainRules rules{
      .kind = {.what = what, .if_empty = "docs/cost-models.md says what it must contain"},
      .open = [&kind](const std::string& name, const JsonFile& by) {
        return is_path(name) ? open_path((by.folder / name).lexically_normal(), kind)
                             : open_built_in(name, kind);
      }};
  for (const JsonLayer& layer : read_chain(opened, rules, file.faults)) {
    check_twice(layer.root, "", layer.source, file.faults);
    check_extends(layer, file.faults);
    lay_over(layer, file);
  }
  if (file.faults.any_unreadable()) file.faults.throw_if_any();
  return file;
}

std::vector<std::string> file_names(const CostFileKind& kind) {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : kind.built_in) {
    if (!is_base(parse_json(file.text))) names.emplace_back(file.name);
  }
  return names;
}

bool is_base(const JsonValue& root) {
  return find(root, "name") == nullptr && find(root, "constants") == nullptr;
}

void refuse_base(const CostFile& file, const CostFileKind& kind) {
  std::vector<std::string> names;
  for (const EmbeddedFile& built_in : kind.built_in) {
    const JsonValue root = parse_json(built_in.text);
    const auto* extends = find(root, "extends");
    if (extends != nullptr && extends->text == file.stem) names.emplace_back(built_in.name);
  }
  throw UsageError(fmt::format(
      "{}: is a base without name and constants, which others extend; {}", file.source,
      names.empty() ? "name a file that extends it, or give it a name and constants of its own"
                    : "name one of: " + join(names)));
}

}  // namespace aero::cost
